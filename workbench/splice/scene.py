"""What every condition may look at: the trained activations and the handwritten drives for one batch of pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.respond import drives, heard
from workbench.hosts.host import Host, Site


@dataclass(frozen=True)
class Scene:
    """One batch.

    site    trained activation at the circuit's site, every channel
    before  trained activation at the site before it, on the same cells
    drives  drive of each handwritten circuit, by name
    name    the site's
    units   the host's channels that are replaced
    donor   for each picture, which donor picture stands in where a condition takes another picture's activation
    """

    site: Float[Tensor, "n c h w"]
    before: Float[Tensor, "n c2 h w"]
    drives: Mapping[str, Float[Tensor, "n unit h w"]]
    name: str
    units: tuple[int, ...]
    donor: Int[Tensor, " n"]

    @property
    def trained(self) -> Float[Tensor, "n unit h w"]:
        """The replaced units' own activation."""
        return self.site[:, list(self.units)]

    def with_units(self, values: Float[Tensor, "n unit h w"], activation: Tensor | None = None) -> Float[Tensor, "n c h w"]:
        """The site's activation, by default the trained one, with the replaced units at `values`."""
        spliced = (self.site if activation is None else activation).clone()
        spliced[:, list(self.units)] = values
        return spliced


def site_before(host: Host, site: str) -> str | None:
    """The site that the host computes just before `site`; before its first site there is only the picture."""
    names = list(host.sites)
    return names[names.index(site) - 1] if site != names[0] else None


def scene(host: Host, circuits: Mapping[str, HandwrittenCircuit], x: Float[Tensor, "n 3 h w"], donor: Int[Tensor, " n"]) -> Scene:
    """Run the host up to the circuits' site, and each circuit on the same pictures; `x` is the host's input."""
    return scenes_together(host, [circuits], x, donor)[0]


def scenes_together(
    host: Host, joint: Sequence[Mapping[str, HandwrittenCircuit]], x: Float[Tensor, "n 3 h w"], donor: Int[Tensor, " n"]
) -> list[Scene]:
    """The scene of every trained circuit of a joint splice, all of one natural run of the host as far as the deepest of their sites."""
    wanted = {name for circuits in joint for name in _looked_at(host, circuits)}
    seen = host.activations(x, *wanted)
    return [_scene(host, circuits, x, donor, seen) for circuits in joint]


def _looked_at(host: Host, circuits: Mapping[str, HandwrittenCircuit]) -> set[str]:
    """The sites whose activations a scene needs: the circuits' own, the one before it, and those that bound families are read at."""
    site = next(iter(circuits.values())).site
    return {name for name in (site_before(host, site), site) if name} | {name for circuit in circuits.values() for name in circuit.sites}


def _scene(
    host: Host, circuits: Mapping[str, HandwrittenCircuit], x: Tensor, donor: Int[Tensor, " n"], seen: Mapping[str, Tensor]
) -> Scene:
    first = next(iter(circuits.values()))
    site, name = host.site(first.site), site_before(host, first.site)
    before = _on_cells(x, 0, 1, site) if name is None else _on_cells(seen[name], host.site(name).offset_px, host.site(name).stride_px, site)
    said = heard(host, {each: seen[each] for circuit in circuits.values() for each in circuit.sites})
    handwritten = drives(circuits, host.input.decode(x), host.input.mean_rgb, said)
    return Scene(seen[first.site], before, handwritten, first.site, first.units, donor)


def _on_cells(activation: Tensor, offset_px: int, stride_px: int, site: Site) -> Tensor:
    """The activation, on a grid of that offset and stride, at the cells nearest to the site's."""
    rows, columns = (
        torch.round((site.offset_px + site.stride_px * torch.arange(count) - offset_px) / stride_px).long().clamp(0, size - 1)
        for count, size in zip((site.height, site.width), activation.shape[2:], strict=True)
    )
    return activation[:, :, rows[:, None], columns[None, :]]
