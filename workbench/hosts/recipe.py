"""How a published host is obtained and built.

One file a host declares its recipe; `workbench/hosts/store.py` lists them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from workbench.hosts.input import PictureInput
from workbench.hosts.layout import Site


@dataclass(frozen=True)
class Recipe:
    """The facts of a published host and the four steps from its files to a network.

    fingerprint  SHA-256 of the converted weights file, the same on every machine
    files        SHA-256 of each published file by its name
    build        the network with no weights in it: a plain `nn.Sequential` whose stages carry the
                 sites' names
    convert      a folder with `files`, already checked, to the network's state dict
    classes      the same folder to WordNet ids by output index
    fetch        gets `files` from their public source into a folder
    has_output   False where the network ends in features: it has no classes
    """

    name: str
    source: str
    licence: str
    fingerprint: str
    files: Mapping[str, str]
    input: PictureInput
    sites: Mapping[str, Site]
    build: Callable[[], nn.Sequential]
    convert: Callable[[Path], dict[str, Tensor]]
    classes: Callable[[Path], tuple[str, ...]]
    fetch: Callable[[Path], None]
    has_output: bool = True


def sites_of(rows: tuple[tuple[str, int, int, int, int], ...]) -> dict[str, Site]:
    """Sites that are the stages of the same names.

    rows  name, channels, height (= width), stride_px and offset_px of each
    """
    return {
        name: Site.on_grid(name, name, channels, size, size, stride_px, offset_px)
        for name, channels, size, stride_px, offset_px in rows
    }
