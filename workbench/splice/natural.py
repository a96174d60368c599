"""The host's own run on pictures, cut to what is wanted of it, and kept: it is the same for every spec of one host.

A kept part is known by the host, by the bytes of the host's input (so by picture, crop and scaling at once), and by what it is. Pictures are kept
one by one; which others were in the batch moves a part by rounding at the most.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.cache import Cache, known_by
from workbench.code import computed_by
from workbench.hosts.branches import stages_between
from workbench.hosts.host import Host, Site

BYPASSED = 3  # sites in a residual block: behind its first norm, or what expands it; within; behind its spatial convolution
Kind = Literal["logits", "site", "pushed", "units", "before", "entering"]


@dataclass(frozen=True)
class Part:
    """A part of the host's run, of each picture.

    logits   of the classes
    site     the activation at `site`, every channel
    pushed   the same behind whatever acts channel by channel after the site, such as a pool (`Host.push`): smaller, and where a splice goes on
    units    the activation of some channels at `site`
    before   the sites before `site` (`sites_before`), on the cells of `site`
    entering what enters the stage of `site`, on its own cells: the site before it, behind whatever stages of the chain lie between
    """

    kind: Kind
    site: str = ""
    units: tuple[int, ...] = ()


Parts = Mapping[Part, Float[Tensor, "n ..."]]


def natural_parts(
    host: Host, x: Float[Tensor, "n 3 h w"], wanted: Sequence[Part], cache: Cache | None = None, passing: Collection[str] = ()
) -> Parts:
    """The wanted parts of a natural run on `x`; with a cache, the host only runs where one of them is not there. Kinds that are `passing` are read
    from it, but not kept."""
    if cache is None:
        return _computed(host, x, wanted)
    about = known_by(computed_by(), host.facts, x.dtype)
    pictures = [hashlib.sha256(to_numpy(picture.contiguous()).data).hexdigest() for picture in x]
    keys = {part: [known_by(about, part, picture) for picture in pictures] for part in wanted}
    found = {part: _read(cache, part, keys[part], x.device) for part in wanted}
    absent = [part for part in wanted if found[part] is None]
    computed = {part: channels_last(value) for part, value in _computed(host, x, absent).items()} if absent else {}
    for part, value in computed.items():
        for key, row in () if part.kind in passing else zip(keys[part], value, strict=True):
            cache.write(part.kind, key, {"value": to_numpy(row if row.ndim == 1 else row.movedim(0, -1))})
    return {part: value for part, value in (found | computed).items() if value is not None}


def _read(cache: Cache, part: Part, keys: Sequence[str], device: torch.device) -> Tensor | None:
    rows = []
    for key in keys:
        if (entry := cache.read(part.kind, key)) is None:
            return None
        rows.append(torch.from_numpy(entry["value"]))
    value = torch.stack(rows).to(device)
    return value if value.ndim == 2 else value.movedim(-1, 1)


def channels_last(value: Tensor) -> Tensor:
    """As a host of the store has its activations in memory, and as they are kept: cold and warm, what reads them rounds alike."""
    return value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value


def _computed(host: Host, x: Tensor, wanted: Sequence[Part]) -> dict[Part, Tensor]:
    sites = {name for part in wanted for name in _looks_at(host, part)}
    whole = any(part.kind == "logits" for part in wanted)
    logits, seen = host.run(x, *sites) if whole else (torch.empty(0), host.activations(x, *sites))
    return {part: _cut(host, x, part, logits, seen) for part in wanted}


def at_least_float32(activation: Tensor) -> Tensor:
    """An activation of layers that run in fewer bits (`bfloat16_behind`), to be subtracted and kept."""
    return activation.to(torch.promote_types(activation.dtype, torch.float32))


def _looks_at(host: Host, part: Part) -> tuple[str, ...]:
    if part.kind == "before":
        return sites_before(host, part.site)
    if part.kind == "entering":
        return (_just_before(host, part.site),)
    return (part.site,) if part.site else ()


def _cut(host: Host, x: Tensor, part: Part, logits: Tensor, seen: Mapping[str, Tensor]) -> Tensor:
    match part.kind:
        case "logits":
            return logits
        case "site":
            return at_least_float32(seen[part.site])
        case "pushed":
            return host.push(part.site, seen[part.site])
        case "units":
            return seen[part.site][:, list(part.units)]
        case "before":
            site, known = host.site(part.site), [(host.site(name), seen[name]) for name in sites_before(host, part.site)]
            heard = [_on_cells(value, each.offset_px, each.stride_px, site) for each, value in known]
            return torch.cat(heard, 1) if heard else _on_cells(x, 0, 1, site)
        case "entering":
            value = seen[_just_before(host, part.site)]
            for stage in stages_between(host, _just_before(host, part.site), part.site) or ():
                value = stage(value)
            return at_least_float32(value)


def sites_before(host: Host, site: str) -> tuple[str, ...]:
    """The sites that controls read a unit of `site` from, the nearest first: the one just before; where something may bypass that one, as a
    shortcut does, BYPASSED of them, which hold a residual block and what enters it. None before the host's first site."""
    names = list(host.sites)
    place = names.index(site)
    return tuple(reversed(names[max(0, place - (1 if host.staged(site) else BYPASSED)) : place]))


def site_before(host: Host, site: str) -> str | None:
    """The site that the host computes just before `site`; before its first site there is only the picture."""
    names = list(host.sites)
    return names[names.index(site) - 1] if site != names[0] else None


def _just_before(host: Host, site: str) -> str:
    """As `site_before`, of a stage of a chain. Raises ValueError where nothing or anything else may enter the stage."""
    upstream = site_before(host, site)
    if upstream is None or stages_between(host, upstream, site) is None:
        raise ValueError(f"what enters {site} of {host.name} is not known")
    return upstream


def _on_cells(activation: Tensor, offset_px: int, stride_px: int, site: Site) -> Tensor:
    """The activation, on a grid of that offset and stride, at the cells nearest to the site's."""
    rows, columns = (
        torch.round((site.offset_px + site.stride_px * torch.arange(count) - offset_px) / stride_px).long().clamp(0, size - 1)
        for count, size in zip((site.height, site.width), activation.shape[2:], strict=True)
    )
    return activation[:, :, rows[:, None], columns[None, :]]
