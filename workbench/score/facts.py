"""The header that every JSON document has, and how documents are written."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import workbench
from workbench.evaluate.groups import copies
from workbench.files import set_sha256
from workbench.hosts.host import Host
from workbench.spec import Spec, TrainedCircuit
from workbench.vision.pictures import Picture, photographs_and_drawn, skipped


@dataclass(frozen=True)
class Header:
    """Where the figures of a document come from: everything that is needed to run it again.

    A part that a document has no use for, such as pictures that were never shown, is empty or None
    and left out of the document; the others stand at its top, by these names.

    host         name and fingerprint (`host_facts`)
    spec         theory, file and SHA-256 (`spec_facts`); a list for several theories
    circuit      trained circuit by name, site and SHA-256 (`circuit_facts`)
    bound        SHA-256 of the trained units that stand in for each family
    images       how many pictures the figures are means over, and one hash of all (`picture_facts`)
    calibration  the same for the pictures that gains and biases were fitted on
    computed     device and libraries (`workbench.arrays.devices.computed_on`)
    """

    host: Mapping[str, str] = field(default_factory=dict)
    spec: Mapping[str, str] = field(default_factory=dict)
    circuit: Mapping[str, Any] = field(default_factory=dict)
    bound: Mapping[str, str] | None = None
    images: Mapping[str, Any] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    computed: Mapping[str, str] = field(default_factory=dict)
    workbench: str = workbench.__version__


COUNTS = ("n", "resamples")  # of a figure
WITHOUT_SURVEY = "a circuit file without a survey"
EMPTY_IS_ABSENT = ("host", "spec", "circuit", "images", "calibration", "computed")


def document_json(document: Any, version: int) -> str:
    """The text of a result's document: the format's `version`, the header, the result's own fields.

    `document` is a dataclass with a field `header`. Fields keep their order, and numbers that are
    not finite become null.
    """
    plain = as_plain(document)
    return as_json({"format": version, **header_facts(document.header), **without_header(plain)})


def as_plain(document: Any) -> dict[str, Any]:
    """A dataclass as plain values, without a figure's `n` and `resamples` where they are all."""

    def fields(items: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: value for key, value in items if value is not None or key not in COUNTS}

    return asdict(document, dict_factory=fields)


def header_facts(header: Header) -> dict[str, Any]:
    """The parts of a header that a document has."""
    return {
        name: value
        for name, value in asdict(header).items()
        if value is not None and (value or name not in EMPTY_IS_ABSENT)
    }


def without_header(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The other fields of a document, in their order."""
    return {name: value for name, value in plain.items() if name != "header"}


def host_facts(host: Host) -> dict[str, str]:
    """A host's name and fingerprint, and its `precision` if not all of it runs in float32."""
    return {"name": host.name, "fingerprint": host.fingerprint} | (
        {"precision": host.precision} if host.precision else {}
    )


def spec_facts(spec: Spec) -> dict[str, str]:
    """A theory's name, its file, and the SHA-256 of its text."""
    return {"theory": spec.theory.theory, "file": spec.path.name, "sha256": spec.sha256}


def circuit_facts(trained: TrainedCircuit) -> dict[str, str]:
    """A trained circuit's name, its site, where its poses come from, and its file's SHA-256."""
    return {
        "name": trained.circuit,
        "site": trained.site,
        "poses_from": trained.found.command if trained.found else WITHOUT_SURVEY,
        "sha256": trained.sha256,
    }


def picture_facts(pictures: Sequence[Picture]) -> dict[str, Any]:
    """The number of pictures, of copies and of skipped files, and one hash of all pictures.

    The default pictures also have the number of photographs and of drawn pictures among them.
    """
    sha256s = [picture.sha256 for picture in pictures]
    return (
        {"n": len(pictures)}
        | default_facts([picture.name for picture in pictures])
        | copies_facts(sha256s)
        | skipped_facts(skipped(pictures))
        | {"sha256": set_sha256(sha256s)}
    )


def default_facts(names: Sequence[str]) -> dict[str, int]:
    """The number of photographs and of drawn pictures among the default pictures.

    Empty for other pictures.
    """
    counts = photographs_and_drawn(names)
    return dict(zip(("photographs", "drawn"), counts, strict=True)) if counts else {}


def copies_facts(sha256s: Sequence[str]) -> dict[str, int]:
    """The number of pictures that have the content of another of the collection, if any have."""
    return {"copies": count} if (count := copies(sha256s)) else {}


def skipped_facts(count: int) -> dict[str, int]:
    """The number of files of a folder that were skipped, if any were."""
    return {"skipped": count} if count else {}


def finite(value: Any) -> Any:
    """The value with None in place of every number that is not finite."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(facts: Mapping[str, Any]) -> str:
    """A document as text; keys keep their order, and numbers that are not finite become null."""
    return json.dumps(finite(facts), indent=1, allow_nan=False) + "\n"
