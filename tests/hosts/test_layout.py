"""Sites, their layouts and their links."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.hosts import (
    LINKS,
    HeadPlaces,
    Host,
    Pattern,
    PictureGrid,
    PictureInput,
    Places,
    Site,
    host_from_module,
)
from workbench.hosts.hooks import overridden
from workbench.splice import link

INPUT = PictureInput(size_px=32, mean_rgb=(0.0, 0.0, 0.0))


@dataclass(frozen=True)
class Sequence:
    """A layout that is no grid over a picture."""

    positions: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.positions,)


class Tokens(nn.Module):
    """A stage whose activation is `n c position`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 4, 4), Tokens(), nn.AdaptiveAvgPool1d(1), nn.Flatten())


def host(**declared) -> Host:
    return host_from_module(network(), "own", {"patches": "0"}, INPUT, **declared)


def test_site_on_a_grid_reads_its_grid():
    site = Site.on_grid("a", "m.a", 5, 3, 4, 8, -2)
    assert site == Site("a", "m.a", 5, PictureGrid(3, 4, 8, -2), "relu")
    assert (site.height, site.width, site.stride_px, site.offset_px) == (3, 4, 8, -2)
    assert (site.layout.positions, site.layout.shape) == (12, (3, 4))


@pytest.mark.parametrize("word", LINKS)
def test_a_known_link_is_kept(word):
    assert Site("a", "a", 5, PictureGrid(3, 4, 8, -2), word).link == word
    assert host(links={"patches": word}).site("patches").link == word


@pytest.mark.parametrize("word", ["ReLU", "gelu", ""])
def test_an_unknown_link_is_refused_with_the_known_ones(word):
    message = f"no link '{word}'; expected one of relu, identity, softmax"
    with pytest.raises(WorkbenchError, match=f"site a: {message}"):
        Site("a", "a", 5, PictureGrid(3, 4, 8, -2), word)
    with pytest.raises(WorkbenchError, match=f"site patches: {message}"):
        host(links={"patches": word})


def test_a_link_of_no_measured_site_is_refused():
    with pytest.raises(WorkbenchError, match=r"links: 'patch' is no measured .*'patches'"):
        host(links={"patch": "relu"})
    declared = {"patches": Site.on_grid("patches", "0", 4, 8, 8, 4, 1)}
    with pytest.raises(WorkbenchError, match="links: 'patches' is no measured site"):
        host_from_module(network(), "own", declared, INPUT, links={"patches": "identity"})


def test_known_links_are_those_that_splicing_has_a_function_for():
    assert set(LINKS) == set(link.LINKS)


def test_link_and_layout_are_facts_of_the_host():
    plain = host(links={"patches": "relu"})
    assert plain.site("patches").link == "relu"
    assert plain.facts != host(links={"patches": "identity"}).facts
    site = plain.site("patches")
    moved = replace(site, layout=replace(site.grid, offset_px=3))
    assert plain.facts != replace(plain, sites={"patches": moved}).facts


def test_a_declared_site_may_have_another_layout():
    site = Site("tokens", "1", 4, Sequence(64), "softmax")
    tokens = host_from_module(network(), "own", {"tokens": site}, INPUT)
    assert tokens.site("tokens") == site
    assert tokens.activations(torch.zeros(2, 3, 32, 32), "tokens")["tokens"].shape == (2, 4, 64)
    with pytest.raises(WorkbenchError, match=r"its positions lie in a Sequence; .*PictureGrid"):
        _ = tokens.site("tokens").stride_px


@pytest.mark.parametrize(
    "site", [Site("tokens", "1", 4, Sequence(63)), Site.on_grid("tokens", "1", 4, 8, 8, 4, 1)]
)
def test_a_declared_site_of_another_shape_is_refused(site):
    message = r"site tokens: its submodule gives \(1, 4, 64\); declared is one tensor of \(1, 4, "
    with pytest.raises(WorkbenchError, match=message):
        host_from_module(network(), "own", {"tokens": site}, INPUT)


class Last(nn.Module):
    """Units along the last axis."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.movedim(1, -1)


class First(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.movedim(-1, 1)


def on_the_last_axis(*between: nn.Module) -> tuple[Host, Host]:
    """The same network with its units along the last axis and along axis 1 of the site."""
    torch.manual_seed(0)
    before, after = nn.Conv2d(3, 4, 4, 4), nn.Conv2d(4, 5, 8)
    moved = nn.Sequential(before, Last(), *between, First(), after, nn.Flatten())
    plain = nn.Sequential(before, *between, after, nn.Flatten())
    sites = [
        replace(Site.on_grid("patches", module, 4, 8, 8, 4, 1), link="identity", axis=axis)
        for module, axis in (("1", 3), ("0", 1))
    ]
    made = zip((moved, plain), sites, strict=True)
    return tuple(host_from_module(net, "own", {"patches": site}, INPUT) for net, site in made)


@pytest.mark.parametrize("between", [(), (nn.ReLU(),), (nn.ReLU(), nn.Hardtanh(-1, 1))])
def test_units_along_another_axis_are_read_and_written_along_axis_1(between):
    moved, plain = on_the_last_axis(*between)
    x = torch.rand(2, 3, 32, 32)
    (answer, seen), (expected, values) = moved.run(x, "patches"), plain.run(x, "patches")
    assert torch.equal(answer, expected)
    assert torch.equal(seen["patches"], values["patches"])
    other = values["patches"].clone()
    other[:, 1] += 2
    assert torch.equal(moved.resume(x, "patches", other)[0], plain.resume(x, "patches", other)[0])
    pushed = moved.push("patches", other)
    again = moved.resume(x, "patches", pushed, pushed=True)[0]
    assert torch.equal(again, plain.resume(x, "patches", other)[0])
    with overridden(moved, {"patches": lambda value: other}):
        assert torch.equal(moved.run(x)[0], plain.resume(x, "patches", other)[0])
    assert not torch.equal(answer, moved.resume(x, "patches", other)[0])


def test_a_declared_axis_that_the_output_does_not_have_is_refused():
    site = Site("tokens", "1", 4, Sequence(64), "softmax", axis=3)
    with pytest.raises(
        WorkbenchError, match=r"gives \(1, 4, 64\); declared are units along its axis 3"
    ):
        host_from_module(network(), "own", {"tokens": site}, INPUT)
    site = replace(site, axis=2)
    with pytest.raises(WorkbenchError, match=r"gives \(1, 64, 4\); declared is one tensor of"):
        host_from_module(network(), "own", {"tokens": site}, INPUT)


@pytest.mark.parametrize(
    ("layout", "shape", "words"),
    [
        (Places(7), (7,), "7 places"),
        (Pattern(7, 5), (7, 5), "7 query places x 5 key places"),
        (HeadPlaces(7, 3), (7, 3), "7 places x 3 components"),
    ],
)
def test_layouts_over_a_sequence(layout, shape, words):
    assert (layout.shape, str(layout)) == (shape, words)
    assert layout.positions == torch.zeros(shape).numel()
