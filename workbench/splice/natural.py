"""Parts of the host's own run on pictures, which are kept for every spec of the host.

The cache key of a part holds the host, the bytes of the host's input (so picture, crop and scaling
at once), and the part's own description. Pictures are kept one by one; the other pictures of a
batch change a part at most by rounding.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.cache import Cache, cache_key
from workbench.code import code_version
from workbench.hosts.branches import stages_between
from workbench.hosts.first_stage import patches
from workbench.hosts.host import Host, Site
from workbench.splice.slots import Slots

# sites in a residual block: after its first norm or its expansion; within; after its spatial
# convolution
BYPASSED = 3
PartKind = Literal["logits", "site", "pushed", "units", "before", "entering", "input"]


@dataclass(frozen=True)
class Part:
    """A part of the host's run, for each picture.

    logits   the network's output
    site     the activation at `site`, every channel
    pushed   the same after the stages that follow the site and act on each channel alone, such
             as a pool (`Host.push`): smaller, and where a splice continues
    units    the activation of the `slots` of `site`
    before   the sites before `site` (`sites_before`), on the positions of `site`
    entering the input of the stage of `site`: the activation of the site before it, after the
             stages of the chain that lie between; for the host's first site what each of its cells
             sees of the network's input (`workbench.hosts.first_stage`)
    input    the network's input itself
    """

    kind: PartKind
    site: str = ""
    slots: Slots | None = None


Parts = Mapping[Part, Float[Tensor, "n ..."]]


def natural_parts(
    host: Host,
    x: Float[Tensor, "n 3 h w"],
    wanted: Sequence[Part],
    cache: Cache | None = None,
    passing: Collection[str] = (),
) -> Parts:
    """The wanted parts of a natural run on `x`.

    With a cache, the host only runs where one of them is absent from it. Kinds that are `passing`
    are read from it, but not kept; neither are parts of the input alone, which no run computes.
    """
    if cache is None:
        return _computed(host, x, wanted)
    about = cache_key(code_version(), host.facts, x.dtype)
    pictures = [hashlib.sha256(to_numpy(picture.contiguous()).data).hexdigest() for picture in x]
    keys = {part: [cache_key(about, part, picture) for picture in pictures] for part in wanted}
    kept = {part: _read(cache, part, keys[part], x.device) for part in wanted}
    absent = [part for part in wanted if kept[part] is None]
    computed = (
        {part: channels_last(value) for part, value in _computed(host, x, absent).items()}
        if absent
        else {}
    )
    for part, value in computed.items():
        skipped = part.kind in passing or not _is_run_for(host, part)
        for key, row in () if skipped else zip(keys[part], value, strict=True):
            cache.write(
                part.kind, key, {"value": to_numpy(row if row.ndim == 1 else row.movedim(0, -1))}
            )
    return {part: value for part, value in (kept | computed).items() if value is not None}


def _read(cache: Cache, part: Part, keys: Sequence[str], device: torch.device) -> Tensor | None:
    rows = []
    for key in keys:
        if (entry := cache.read(part.kind, key)) is None:
            return None
        rows.append(torch.from_numpy(entry["value"]))
    value = torch.stack(rows).to(device)
    return value if value.ndim == 2 else value.movedim(-1, 1)


def channels_last(value: Tensor) -> Tensor:
    """The activation in the memory format of installed hosts, in which it is also kept.

    Sums over it then round alike, whether it was computed or read from the cache.
    """
    return value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value


def _computed(host: Host, x: Tensor, wanted: Sequence[Part]) -> dict[Part, Tensor]:
    sites = {name for part in wanted for name in _sites_of(host, part)}
    if any(part.kind == "logits" for part in wanted):
        logits, at_sites = host.run(x, *sites)
    else:
        logits, at_sites = torch.empty(0), host.activations(x, *sites) if sites else {}
    return {part: _cut(host, x, part, logits, at_sites) for part in wanted}


def at_least_float32(activation: Tensor) -> Tensor:
    """An activation to be subtracted or kept, also from layers of fewer bits (`bfloat16_after`)."""
    return activation.to(torch.promote_types(activation.dtype, torch.float32))


def _sites_of(host: Host, part: Part) -> tuple[str, ...]:
    if part.kind == "before":
        return sites_before(host, part.site)
    if part.kind == "entering":
        return (_just_before(host, part.site),) if site_before(host, part.site) else ()
    if part.kind == "input":
        return ()
    return (part.site,) if part.site else ()


def _is_run_for(host: Host, part: Part) -> bool:
    """Whether the host runs for a part; a first site's patches are larger than what they save."""
    return part.kind == "logits" or bool(_sites_of(host, part))


def _cut(host: Host, x: Tensor, part: Part, logits: Tensor, seen: Mapping[str, Tensor]) -> Tensor:
    match part.kind:
        case "logits":
            return logits
        case "site":
            return at_least_float32(seen[part.site])
        case "pushed":
            return host.push(part.site, seen[part.site])
        case "units" if part.slots is not None:
            return part.slots.read(seen[part.site])
        case "before":
            return _before(host, x, host.site(part.site), seen)
        case "input":
            return x
        case "entering" if site_before(host, part.site) is None:
            return patches(host, x)
        case "entering":
            value = host.writable(seen[_just_before(host, part.site)])
            for stage in stages_between(host, _just_before(host, part.site), part.site) or ():
                value = stage(value)
            return at_least_float32(value)
        case _:
            raise ValueError(f"{part} has no slots")


def _before(host: Host, x: Tensor, site: Site, seen: Mapping[str, Tensor]) -> Tensor:
    """The sites before on the cells of `site`; for the host's first site its input."""
    upstream = [host.site(name) for name in sites_before(host, site.name)]
    moved = [
        _on_cells(seen[above.name], above.offset_px, above.stride_px, site) for above in upstream
    ]
    return torch.cat(moved, 1) if moved else _on_cells(x, 0, 1, site)


def sites_before(host: Host, site: str) -> tuple[str, ...]:
    """The sites from which baselines predict a unit of `site`, the nearest first.

    There is one, the site just before. Where a connection may bypass that site, as a shortcut does,
    there are BYPASSED, which hold a residual block and its input. The host's first site has none.
    """
    names = list(host.sites)
    place = names.index(site)
    return tuple(reversed(names[max(0, place - (1 if host.staged(site) else BYPASSED)) : place]))


def channels_before(host: Host, site: str) -> int:
    """How many channels the baselines of a site read: those of `sites_before`, else the input's."""
    if before := sites_before(host, site):
        return sum(host.site(name).channels for name in before)
    return host.input.example().shape[1]


def site_before(host: Host, site: str) -> str | None:
    """The site that the host computes just before `site`; None for its first site."""
    names = list(host.sites)
    return names[names.index(site) - 1] if site != names[0] else None


def _just_before(host: Host, site: str) -> str:
    """As `site_before`, for a stage of a chain.

    Raises ValueError where the input of the stage is not known.
    """
    upstream = site_before(host, site)
    if upstream is None or stages_between(host, upstream, site) is None:
        raise ValueError(f"what enters {site} of {host.name} is not known")
    return upstream


def _on_cells(activation: Tensor, offset_px: int, stride_px: int, site: Site) -> Tensor:
    """The activation, on a grid of that offset and stride, at the cells nearest to the site's."""
    rows, columns = (
        torch.round((site.offset_px + site.stride_px * torch.arange(count) - offset_px) / stride_px)
        .long()
        .clamp(0, size - 1)
        for count, size in zip((site.height, site.width), activation.shape[2:], strict=True)
    )
    return activation[:, :, rows[:, None], columns[None, :]]
