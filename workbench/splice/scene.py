"""What every condition may look at: the trained activations and the handwritten drives for one batch of pictures."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.cache import Cache, Kept, known_by
from workbench.code import computed_by
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.plan import layer_keys
from workbench.compiler.respond import Heard, drives, heard
from workbench.hosts.host import Host
from workbench.splice.natural import Kind, Part, Parts, channels_last, natural_parts

DRIVES = "drives"  # the kind of cache entry

KINDS: tuple[Kind, ...] = ("before", "site", "entering")  # of parts that only some conditions look at


@dataclass(frozen=True)
class Scene:
    """One batch.

    trained  the replaced units' own activation
    before   trained activation at the sites before theirs, on the same cells, the nearest first; without channels where nobody asked for it
    beside   trained activation at their own site, every channel; without channels where nobody asked for it
    drives   drive of each handwritten circuit, by name
    name     the site's
    units    the host's channels that are replaced
    donor    for each picture, which donor picture stands in where a condition takes another picture's activation
    entering what enters the stage of their site, on the cells of whatever lies just before it; without channels where nobody asked for it
    """

    trained: Float[Tensor, "n unit h w"]
    before: Float[Tensor, "n c2 h w"]
    beside: Float[Tensor, "n c h w"]
    drives: Mapping[str, Float[Tensor, "n unit h w"]]
    name: str
    units: tuple[int, ...]
    donor: Int[Tensor, " n"]
    entering: Float[Tensor, "n c3 h2 w2"]

    def put(self, values: Float[Tensor, "n unit h w"], activation: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The site's activation with the replaced units at `values`."""
        spliced = activation.clone()
        spliced[:, list(self.units)] = values
        return spliced


def scene(
    host: Host,
    circuits: Mapping[str, HandwrittenCircuit],
    x: Float[Tensor, "n 3 h w"],
    donor: Int[Tensor, " n"],
    cache: Cache | None = None,
    before: bool = True,
    beside: bool = False,
    entering: bool = False,
) -> Scene:
    """Run the host up to the circuits' site, and each circuit on the same pictures; `x` is the host's input."""
    return scenes_together(host, [circuits], x, donor, cache=cache, before=before, beside=beside, entering=entering)[0][0]


def scenes_together(
    host: Host,
    joint: Sequence[Mapping[str, HandwrittenCircuit]],
    x: Float[Tensor, "n 3 h w"],
    donor: Int[Tensor, " n"],
    more: Sequence[Part] = (),
    cache: Cache | None = None,
    before: bool = True,
    wanted: Collection[str] | None = None,
    beside: bool = False,
    passing: Collection[str] = (),
    entering: bool = False,
) -> tuple[list[Scene], Parts]:
    """The scene of every trained circuit of a joint splice, and the parts `more`, all of one natural run of the host.

    `before`: whether any condition looks at the site before; `wanted`: the circuits whose drives are, by name, all by default; `beside`: whether
    anyone looks at the other channels of the site; `entering`: whether at what enters its stage. `passing` kinds of parts are not kept in the
    cache; of the others, drives are by the batch.
    """
    run = [{name: circuit for name, circuit in circuits.items() if wanted is None or name in wanted} for circuits in joint]
    own = [_parts(circuits, some, before, beside, entering) for circuits, some in zip(joint, run, strict=True)]
    seen = natural_parts(host, x, tuple(dict.fromkeys([*more, *(part for parts in own for part in parts)])), cache, passing)
    own_cache = None if DRIVES in passing else cache
    found = [_scene(host, circuits, some, x, donor, seen, own_cache) for circuits, some in zip(joint, run, strict=True)]
    return found, seen


def _parts(
    circuits: Mapping[str, HandwrittenCircuit], run: Mapping[str, HandwrittenCircuit], before: bool, beside: bool, entering: bool
) -> list[Part]:
    """What a scene needs: the units, the site before, what enters theirs, and the sites that bound families are read at."""
    first = next(iter(circuits.values()))
    bound = dict.fromkeys(name for circuit in run.values() for name in circuit.sites)
    ahead = [Part("before", first.site)] if before else []
    around = [*([Part("site", first.site)] if beside else []), *([Part("entering", first.site)] if entering else [])]
    return [Part("units", first.site, first.units), *ahead, *around, *(Part("site", name) for name in bound)]


def _scene(
    host: Host,
    circuits: Mapping[str, HandwrittenCircuit],
    run: Mapping[str, HandwrittenCircuit],
    x: Tensor,
    donor: Int[Tensor, " n"],
    seen: Parts,
    cache: Cache | None,
) -> Scene:
    first = next(iter(circuits.values()))
    trained = seen[Part("units", first.site, first.units)]
    before, beside, entering = (seen.get(Part(kind, first.site), trained[:, :0]) for kind in KINDS)
    said = heard(host, {name: seen[Part("site", name)] for circuit in run.values() for name in circuit.sites})
    handwritten = _drives(host, run, x, said, cache)
    return Scene(trained, before, beside, handwritten, first.site, first.units, donor, entering)


def _drives(
    host: Host, circuits: Mapping[str, HandwrittenCircuit], x: Tensor, said: Heard, cache: Cache | None
) -> dict[str, Float[Tensor, "n unit h w"]]:
    """Each circuit's drive on the batch; with a cache, a circuit whose layers answered to this batch before does not run."""
    if cache is None:
        return drives(circuits, host.input.decode(x), host.input.mean_rgb, said)
    kept = Kept(cache, DRIVES, known_by(computed_by(), host.facts, x.dtype, hashlib.sha256(to_numpy(x.contiguous()).data).hexdigest()))
    names = {name: known_by(*layer_keys(circuit)) for name, circuit in circuits.items()}
    read = {name: entry["value"] for name, key in names.items() if (entry := kept.read(key))}
    found = {name: torch.from_numpy(value).to(x.device).movedim(-1, 1) for name, value in read.items()}
    absent = {name: circuit for name, circuit in circuits.items() if name not in found}
    for name, value in drives(absent, host.input.decode(x), host.input.mean_rgb, said).items() if absent else ():
        found[name] = channels_last(value)
        kept.write(names[name], {"value": to_numpy(found[name].movedim(1, -1))})
    return {name: found[name] for name in circuits}
