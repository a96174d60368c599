"""The inputs of conditions: trained activations and handwritten drives on a batch of pictures."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.cache import Cache, Kept, cache_key
from workbench.code import code_version
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.plan import layer_keys
from workbench.compiler.respond import HostActivations, drives, host_activations
from workbench.hosts.host import Host
from workbench.splice.natural import Part, PartKind, Parts, channels_last, natural_parts
from workbench.splice.slots import Slots, slots_of

DRIVES = "drives"  # the kind of cache entry
ALL_CIRCUITS = None  # in place of a set of circuits' names
BEFORE = frozenset[PartKind]({"before"})

Circuits = Mapping[str, HandwrittenCircuit]


@dataclass(frozen=True)
class Wanted:
    """The parts that a batch must hold besides the replaced units' activation.

    circuits  the circuits whose drives are computed, by name; `ALL_CIRCUITS` for all
    reads     the parts of the trained network's run that conditions read: the sites "before", the
              whole "site" of the units, and what is "entering" its stage
    more      other parts of the same run
    passing   kinds of parts, and drives, that are read from the cache but not kept in it
    """

    circuits: frozenset[str] | None = ALL_CIRCUITS
    reads: frozenset[PartKind] = BEFORE
    more: tuple[Part, ...] = ()
    passing: frozenset[str] = frozenset()

    def of(self, circuits: Circuits) -> Circuits:
        """Those of the circuits whose drives are wanted."""
        if self.circuits is ALL_CIRCUITS:
            return circuits
        return {name: circuit for name, circuit in circuits.items() if name in self.circuits}


EVERYTHING_TO_FIT = Wanted()  # what calibration needs


@dataclass(frozen=True)
class ConditionInputs:
    """One batch at one site, whose `slots` are the replaced units.

    trained    the replaced units' own activation
    drives     the drive of each handwritten circuit, by name
    donor      for each picture, which donor stands in where a condition takes another picture's
               activation
    before     trained activation at the sites before, on the same positions, the nearest first
    site       trained activation of the whole site
    entering   what enters the stage of the site, on the positions of the site before
    input      the network's input

    The last four are None unless requested (`Wanted.reads`).
    """

    site_name: str
    slots: Slots
    trained: Float[Tensor, "n unit *position"]
    drives: Mapping[str, Float[Tensor, "n unit *position"]]
    donor: Int[Tensor, " n"]
    before: Float[Tensor, "n c2 *position"] | None = None
    site: Float[Tensor, "n c *position"] | None = None
    entering: Float[Tensor, "n c3 *position2"] | None = None
    input: Float[Tensor, "n ..."] | None = None

    def given(self, part: PartKind) -> Tensor:
        """A part that a condition reads. Raises RuntimeError if nobody wanted it."""
        if (value := getattr(self, part, None)) is None:
            raise RuntimeError(
                f"{part!r} is read and was not wanted: a condition declares it in `reads`"
            )
        return value

    def put(
        self, values: Float[Tensor, "n unit *position"], activation: Float[Tensor, "n c *position"]
    ) -> Float[Tensor, "n c *position"]:
        """The site's activation with the replaced units at `values`."""
        return self.slots.write(values, activation)


def condition_inputs(
    host: Host,
    circuits: Circuits,
    x: Float[Tensor, "n 3 h w"],
    donor: Int[Tensor, " n"],
    wanted: Wanted = EVERYTHING_TO_FIT,
    cache: Cache | None = None,
) -> ConditionInputs:
    """Run the host up to the circuits' site, and each circuit, on the host's input `x`."""
    return joint_inputs(host, [circuits], x, donor, wanted, cache)[0][0]


def joint_inputs(
    host: Host,
    joint: Sequence[Circuits],
    x: Float[Tensor, "n 3 h w"],
    donor: Int[Tensor, " n"],
    wanted: Wanted = EVERYTHING_TO_FIT,
    cache: Cache | None = None,
) -> tuple[list[ConditionInputs], Parts]:
    """The inputs of every trained circuit of a joint splice, and the parts `wanted.more`.

    All are of one natural run of the host. Drives are cached by the batch.
    """
    parts = [*wanted.more, *(part for circuits in joint for part in _parts(circuits, wanted))]
    natural = natural_parts(host, x, tuple(dict.fromkeys(parts)), cache, wanted.passing)
    drive_cache = None if DRIVES in wanted.passing else cache
    empty = [_without_drives(circuits, natural, donor, wanted) for circuits in joint]
    inputs = [
        replace(batch, drives=_drives(host, wanted.of(circuits), x, natural, drive_cache))
        for batch, circuits in zip(empty, joint, strict=True)
    ]
    return inputs, natural


def _any(circuits: Circuits) -> HandwrittenCircuit:
    """One of them: all stand for the same units."""
    return next(iter(circuits.values()))


def _parts(circuits: Circuits, wanted: Wanted) -> list[Part]:
    """The parts of the natural run that a batch needs, with the sites that bound families read."""
    first = _any(circuits)
    bound = [name for circuit in wanted.of(circuits).values() for name in circuit.sites]
    return [
        Part("units", first.site, slots_of(first)),
        *(Part(kind, first.site) for kind in sorted(wanted.reads)),
        *(Part("site", name) for name in dict.fromkeys(bound)),
    ]


def _without_drives(
    circuits: Circuits, natural: Parts, donor: Int[Tensor, " n"], wanted: Wanted
) -> ConditionInputs:
    first = _any(circuits)
    slots = slots_of(first)
    read = {kind: natural[Part(kind, first.site)] for kind in wanted.reads}
    trained = natural[Part("units", first.site, slots)]
    return ConditionInputs(first.site, slots, trained, {}, donor, **read)


def _drives(
    host: Host,
    circuits: Circuits,
    x: Tensor,
    natural: Parts,
    cache: Cache | None,
) -> dict[str, Float[Tensor, "n unit h w"]]:
    """Each circuit's drive on the batch.

    With a cache, a circuit whose layers were run on this batch before does not run again.
    """
    if not circuits:
        return {}
    sites = {
        name: natural[Part("site", name)] for circuit in circuits.values() for name in circuit.sites
    }
    read_off = host_activations(host, sites)
    if cache is None:
        return _computed_drives(host, circuits, x, read_off)
    batch = hashlib.sha256(to_numpy(x.contiguous()).data).hexdigest()
    kept = Kept(cache, DRIVES, cache_key(code_version(), host.facts, x.dtype, batch))
    keys = {name: cache_key(*layer_keys(circuit)) for name, circuit in circuits.items()}
    entries = {name: entry["value"] for name, key in keys.items() if (entry := kept.read(key))}
    values = {
        name: torch.from_numpy(entry).to(x.device).movedim(-1, 1) for name, entry in entries.items()
    }
    absent = {name: circuit for name, circuit in circuits.items() if name not in values}
    if absent:
        for name, value in _computed_drives(host, absent, x, read_off).items():
            values[name] = channels_last(value)
            kept.write(keys[name], {"value": to_numpy(values[name].movedim(1, -1))})
    return {name: values[name] for name in circuits}


def _computed_drives(
    host: Host, circuits: Circuits, x: Tensor, read_off: HostActivations
) -> dict[str, Float[Tensor, "n unit h w"]]:
    return drives(circuits, host.input.decode(x), host.picture_input.mean_rgb, read_off)
