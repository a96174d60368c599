"""How a published host is obtained and built.

One file a host declares its recipe; `workbench/hosts/store.py` lists them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from workbench.hosts.input import Input
from workbench.hosts.layout import Site
from workbench.hosts.output import ClassOutput, NoOutput, Output
from workbench.hosts.tokens import Tokenizer


def _no_classes(directory: Path) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Recipe:
    """The facts of a published host and the four steps from its files to a network.

    fingerprint  SHA-256 of the converted weights file, the same on every machine
    files        SHA-256 of each published file by its name
    build        the network with no weights in it, such as a plain `nn.Sequential` whose stages
                 carry the sites' names
    convert      a folder with `files`, already checked, to the network's state dict
    fetch        gets `files` from their public source into a folder
    classes      the folder with `files` to WordNet ids by output index
    has_output   False where the network ends in features: it has no classes
    output       the answers of a network that has no classes; by default `ClassOutput`
    keeps        those of `files` that stay beside the weights, unaltered
    tokenizer    the folder with the files that it `keeps` to the tokenizer of the host's texts
    """

    name: str
    source: str
    licence: str
    fingerprint: str
    files: Mapping[str, str]
    input: Input
    sites: Mapping[str, Site]
    build: Callable[[], nn.Module]
    convert: Callable[[Path], dict[str, Tensor]]
    fetch: Callable[[Path], None]
    classes: Callable[[Path], tuple[str, ...]] = _no_classes
    has_output: bool = True
    output: Output | None = None
    keeps: tuple[str, ...] = ()
    tokenizer: Callable[[Path], Tokenizer] | None = None

    def answers(self, classes: tuple[str, ...]) -> Output:
        """The network's answers; `classes` are WordNet ids by output index, if any."""
        if self.output is not None:
            return self.output
        return ClassOutput(classes or None) if self.has_output else NoOutput()


def sites_of(rows: tuple[tuple[str, int, int, int, int], ...]) -> dict[str, Site]:
    """Sites that are the stages of the same names.

    rows  name, channels, height (= width), stride_px and offset_px of each
    """
    return {
        name: Site.on_grid(name, name, channels, size, size, stride_px, offset_px)
        for name, channels, size, stride_px, offset_px in rows
    }
