"""What every document says of where its figures come from, and how it is written."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.hosts.host import Host
from workbench.pictures import Picture, collection_sha256, skipped
from workbench.spec import Spec, TrainedCircuit


def host_facts(host: Host) -> dict[str, str]:
    """A host by name and weights, and by `precision` where not all of it runs in the same."""
    return {"name": host.name, "fingerprint": host.fingerprint} | ({"precision": host.precision} if host.precision else {})


def spec_facts(spec: Spec) -> dict[str, str]:
    """A theory by name, file and text."""
    return {"theory": spec.theory.theory, "file": spec.path.name, "sha256": spec.sha256}


def circuit_facts(trained: TrainedCircuit) -> dict[str, str]:
    """A trained circuit by name, site and what its file says."""
    return {"name": trained.circuit, "site": trained.site, "sha256": trained.sha256}


def picture_facts(pictures: Sequence[Picture]) -> dict[str, Any]:
    """How many pictures, and one hash for all of them."""
    return {"n": len(pictures)} | skipped_facts(skipped(pictures)) | {"sha256": collection_sha256(pictures)}


def skipped_facts(count: int) -> dict[str, int]:
    """How many files were passed over beside the pictures, where any were."""
    return {"skipped": count} if count else {}


def finite(value: Any) -> Any:
    """The value with every number within it that is not finite as None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(facts: Mapping[str, Any]) -> str:
    """A document as text: keys in their order, numbers that are not finite become null."""
    return json.dumps(finite(facts), indent=1, allow_nan=False) + "\n"
