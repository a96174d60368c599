"""The file of a written site: how it, and each written site before it, predicts its units.

`propose --site ... --below FILE` reads it, so that a later site sees what lies below as written.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.splice.link import LINKS
from workbench.splice.rivals import Through, Window
from workbench.splice.written import written_host
from workbench.tensor_file import read_tensors, tensor_bytes

KEY, FORMAT, KIND = "workbench.site", 2, "written site"
REMEDY = "Write it again: workbench propose HOST --site SITE --weights."


@dataclass(frozen=True)
class WrittenFacts:
    """One written site: the row of its table by which it is written, and what that takes.

    numbers  fitted ones: weights, gains, biases, poses, and those of the labels that are read
    bits     description length of all of its units, labels included
    units    how many units of the site are written; the others are as they are trained
    """

    site: str
    row: str
    numbers: int
    bits: float
    units: int


@dataclass(frozen=True)
class WrittenSite:
    """A written site: its facts, and the prediction of those of its units that are written."""

    facts: WrittenFacts
    window: Window
    units: tuple[int, ...]


def write_sites(host: Host, sites: Sequence[WrittenSite], file: Path) -> None:
    """Write the sites in the order of the network, whole; the same sites give the same bytes."""
    tensors, links = {}, []
    for written in sites:
        links.append(written.window.link.name)
        for field in fields(written.window):
            if isinstance(value := getattr(written.window, field.name), Tensor):
                tensors[f"{written.facts.site}/{field.name}"] = value
    header = {
        "format": FORMAT,
        "host": host.name,
        "host_fingerprint": host.fingerprint,
        "sites": [asdict(written.facts) for written in sites],
        "links": links,
        "units": [list(written.units) for written in sites],
    }
    write_whole(file, tensor_bytes(tensors, KEY, header))


def read_sites(host: Host, file: Path) -> list[WrittenSite]:
    """The written sites of a file.

    Raises WorkbenchError for another kind of file, and for another network's.
    """
    header, tensors = read_tensors(file, KEY, FORMAT, KIND, REMEDY)
    if header.get("host_fingerprint") != host.fingerprint:
        raise WorkbenchError(
            str(file), f"sites of {header.get('host')}", f"of {host.name} with its weights"
        )
    made = []
    parts = zip(header["sites"], header["links"], header["units"], strict=True)
    for facts, link, units in parts:
        written = WrittenFacts(**facts)
        values: dict[str, Any] = {
            name.removeprefix(f"{written.site}/"): value
            for name, value in tensors.items()
            if name.startswith(f"{written.site}/")
        }
        kind = Through if "direct" in values else Window
        made.append(WrittenSite(written, kind(**values, link=LINKS[link]), tuple(units)))
    return made


def host_of(host: Host, sites: Sequence[WrittenSite]) -> Host:
    """The network with these sites as they are written; the host itself where there are none."""
    windows = {written.facts.site: (written.window, written.units) for written in sites}
    return written_host(host, windows) if windows else host


def file_name(row: str) -> str:
    """The name of the file of a row."""
    return f"{row.replace(': ', '-').replace(' ', '-')}.safetensors"
