"""Proof by induction: what trained weights make of the inputs that a theory claims, and what handwritten weights make of the trained inputs.

Let the units of a site that a theory speaks of say what the theory says, and run the trained network on from there. If what a later unit then
says is what the theory says of it, the step holds; moving the site back towards the picture discharges one assumption after another.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.cache import Cache, Kept, known_by
from workbench.code import computed_by
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.compiler.bind import Bound
from workbench.compiler.families import families
from workbench.compiler.file import to_bytes
from workbench.compiler.respond import Heard, Known, cells_of, heard
from workbench.errors import WorkbenchError
from workbench.evaluate.claimed import bindable
from workbench.evaluate.layers import Matched, Said, on_one_grid, onto
from workbench.evaluate.run import BATCH, Progress, streamed
from workbench.evaluate.statistics import unit_statistics
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.spec import Spec, TrainedCircuit
from workbench.splice.calibrate import POSITIONS
from workbench.splice.gain import gain_and_bias

# What an assumed site says. In all but "natural" and "without" the channels that the theory says nothing of are at their mean.
CLAIMED = "claimed"  # claimed units at what the theory says: do the claimed inputs suffice?
PERMUTED = "permuted"  # the same, each at what the theory says of another unit of its family: the control
NATURAL = "natural"  # claimed units at what the theory says, all others as they are: do the claimed inputs do no harm?
WITHOUT = "without"  # claimed units at their mean, all others as they are: the base of "natural", for what the others say alone
KINDS = (CLAIMED, PERMUTED, NATURAL, WITHOUT)

CELLS, MOMENTS = "cells", "moments"  # kinds of cache entries

TRAINED, BY_HAND, WRONG = (
    "trained",
    "by hand",
    "by hand, wrong",
)  # what the units themselves say, and the handwritten ones on trained inputs


@dataclass(frozen=True)
class Voice:
    """Units of a family, each with the gain and bias that give it a trained unit's mean and spread."""

    family: str
    poses: Sequence[int]
    gain: Float[Tensor, " unit"]
    bias: Float[Tensor, " unit"]

    def __call__(self, responses: Heard) -> Said:
        """What they say, on the family's own cells and in the host's activation units."""
        value, cells = responses[self.family]
        return F.relu(self.gain[:, None, None] * value[:, list(self.poses)] + self.bias[:, None, None]), cells


@dataclass(frozen=True)
class ByHand:
    """The circuit that ends in a claim's family and reads what `bound` names off trained units; the claim's units in it, right and wrong."""

    circuit: HandwrittenCircuit
    bound: Bound
    right: Voice
    wrong: Voice


@dataclass(frozen=True)
class Claim:
    """A pair, what the theory says of its units and of wrong ones, and the same family by hand on trained inputs, or why it cannot be had."""

    pair: Matched
    right: Voice
    wrong: Voice
    by_hand: ByHand | None
    unread: str = ""


@dataclass(frozen=True)
class Hypothesis:
    """All that a theory claims of a host; `means` are those of every channel of each site over the calibration pictures. `key` is a hash of all
    that it hangs on."""

    host: Host
    circuit: HandwrittenCircuit
    claims: tuple[Claim, ...]
    means: Mapping[str, Float[Tensor, " c"]]
    key: str

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that have claims, in the order of the host."""
        return tuple(dict.fromkeys(claim.pair.site for claim in self.claims))

    def later(self, site: str) -> list[int]:
        """The claims at later sites."""
        sites = self.sites
        return [i for i, claim in enumerate(self.claims) if sites.index(claim.pair.site) > sites.index(site)]


def hypothesis(
    host: Host,
    spec: Spec,
    trained: TrainedCircuit,
    circuit: HandwrittenCircuit,
    pairs: Sequence[Matched],
    bound: Bound,
    calibration: Sequence[Picture],
    seed: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Hypothesis:
    """Compile the families that can be read off trained inputs, and calibrate every claim; with a cache, what a batch gave before is read back.
    Raises WorkbenchError as `compile_spec`."""
    bindings = [bindable(spec, trained, host, circuit, pairs, bound, pair) for pair in pairs]
    made = [_on_trained(spec, trained, host, read, pair.family) for pair, read in zip(pairs, bindings, strict=True)]
    circuits = [each if isinstance(each, HandwrittenCircuit) else None for each in made]
    contents = [hashlib.sha256(to_bytes(each)).hexdigest() if each else "" for each in (circuit, *circuits)]
    key = known_by(computed_by(), host.facts, *contents, *(pair.facts for pair in pairs), seed)
    kept = Kept(cache, CELLS, key)
    rows = streamed(calibration, lambda some: _cells(host, circuit, circuits, pairs, some, seed), journal=kept, progress=progress)

    def voice(i: int, kind: str) -> Voice:
        own, truth = (torch.from_numpy(rows[f"{i}/{each}"]).flatten(0, 1) for each in (kind, TRAINED))
        return Voice(pairs[i].family, _poses(pairs[i], kind), *gain_and_bias(own, truth))

    claims = []
    for i, (pair, own) in enumerate(zip(pairs, made, strict=True)):
        by_hand = None if isinstance(own, str) else ByHand(own, bindings[i], voice(i, BY_HAND), voice(i, WRONG))
        claims.append(Claim(pair, voice(i, CLAIMED), voice(i, PERMUTED), by_hand, own if isinstance(own, str) else ""))
    means = {site: torch.from_numpy(rows[f"mean/{site}"].mean(0)) for site in dict.fromkeys(pair.site for pair in pairs)}
    return Hypothesis(host, circuit, tuple(claims), means, known_by(key, *(picture.sha256 for picture in calibration)))


@torch.inference_mode()
def implied(theory: Hypothesis, x: Float[Tensor, "n 3 h w"], kinds: Sequence[str] = KINDS) -> dict[str, Said]:
    """What every claimed unit says on the host's input `x`, named `CLAIM/HOW`: the claim's number, and

    "trained", "claimed", "permuted"   the trained units, what the theory says of them, and of wrong ones
    "by hand", "by hand, wrong"        the handwritten family's on trained inputs, of the right and of the wrong poses
    "SITE/KIND"                        the trained network's, when an earlier site is as KINDS say
    """
    host, claims = theory.host, theory.claims
    seen = host.activations(
        x, *_looked_at([claim.pair.site for claim in claims], [each.by_hand.circuit for each in claims if each.by_hand])
    )
    known: Known = {}
    said = _said(host, theory.circuit, x, seen, known)
    found = dict[str, Said]()
    for i, claim in enumerate(claims):
        found[f"{i}/{TRAINED}"] = _of(host, claim.pair, seen)
        found[f"{i}/{CLAIMED}"], found[f"{i}/{PERMUTED}"] = claim.right(said), claim.wrong(said)
        if claim.by_hand:
            responses = _said(host, claim.by_hand.circuit, x, seen, known, theory.circuit)
            found[f"{i}/{BY_HAND}"], found[f"{i}/{WRONG}"] = claim.by_hand.right(responses), claim.by_hand.wrong(responses)
    for site in theory.sites[:-1]:
        pairs = {i: claims[i].pair for i in theory.later(site)}
        for kind in kinds:
            value = assumed(theory, site, kind, seen[site], said)
            reached = host.onward(x, site, value, *dict.fromkeys(pair.site for pair in pairs.values()))
            found |= {f"{i}/{site}/{kind}": _of(host, pair, reached) for i, pair in pairs.items()}
    return found


def assumed(theory: Hypothesis, site: str, kind: str, activation: Float[Tensor, "n c h w"], said: Heard) -> Float[Tensor, "n c h w"]:
    """What a site says under an assumption, its own activation being given."""
    mean = theory.means[site].to(activation.dtype)[:, None, None].expand(activation.shape[1:])
    value = activation.clone() if kind in (NATURAL, WITHOUT) else mean.expand(activation.shape).clone()
    for claim in theory.claims:
        units = list(claim.pair.units)
        if claim.pair.site == site and kind == WITHOUT:
            value[:, units] = mean[units]
        elif claim.pair.site == site:
            own, cells = (claim.wrong if kind == PERMUTED else claim.right)(said)
            value[:, units] = onto(own, cells, cells_of(theory.host.site(site)))
    return value


def moments(
    theory: Hypothesis, pictures: Sequence[Picture], size: int = BATCH, progress: Progress | None = None, cache: Cache | None = None
) -> dict[str, Float[np.ndarray, "group unit 6"]]:
    """MOMENTS of all that `implied` gives, a row a picture, or a group of many (`evaluate.groups`), named `CLAIM/HOW/claimed` and
    `CLAIM/HOW/trained` by what it is compared with; on the coarser of the two grids. With a cache, those of a batch that was asked before are read
    back."""

    def rows(some: Sequence[Picture]) -> dict[str, np.ndarray]:
        found = implied(theory, batch(some, theory.host.input))
        return {
            f"{name}/{truth}": to_numpy(unit_statistics(*on_one_grid(value, found[f"{name.partition('/')[0]}/{truth}"]), ())["moments"])
            for name, value in found.items()
            for truth in (CLAIMED, TRAINED)
        }

    return streamed(pictures, rows, size, Kept(cache, MOMENTS, theory.key), progress, summed=lambda quantity: True)


def _said(
    host: Host, circuit: HandwrittenCircuit, x: Tensor, seen: Mapping[str, Tensor], known: Known, whole: HandwrittenCircuit | None = None
) -> Heard:
    """What a circuit says; the last family of the `whole` one, which may be another, by its drive. `known` is of `families`."""
    own = circuit.layers[-1].family == (whole or circuit).layers[-1].family
    at_sites = heard(host, {site: seen[site] for site in circuit.sites})
    return families(circuit, host.input.decode(x), host.input.mean_rgb, at_sites, not own, known)


def _of(host: Host, pair: Matched, seen: Mapping[str, Tensor]) -> Said:
    """A pair's trained units."""
    return seen[pair.site][:, list(pair.units)], cells_of(host.site(pair.site))


def _looked_at(sites: Sequence[str], circuits: Sequence[HandwrittenCircuit]) -> list[str]:
    return list(dict.fromkeys([*sites, *(site for circuit in circuits for site in circuit.sites)]))


def _poses(pair: Matched, kind: str) -> list[int]:
    return list(pair.poses if kind in (CLAIMED, BY_HAND) else pair.wrong)


def _on_trained(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound, family: str) -> HandwrittenCircuit | str:
    """The circuit that ends in a family and reads trained units, or why there is none."""
    if not bound:
        return "no trained units stand for what it reads"
    try:
        return compile_spec(spec, trained, host, bound=bound, until=family)
    except WorkbenchError as error:  # such as a family that its ideal stimulus no longer drives
        return str(error)


def _cells(
    host: Host,
    circuit: HandwrittenCircuit,
    by_hand: Sequence[HandwrittenCircuit | None],
    pairs: Sequence[Matched],
    pictures: Sequence[Picture],
    seed: int,
) -> dict[str, np.ndarray]:
    """POSITIONS random cells of each picture: what the trained units say, and what is to be calibrated to them; and each site's means."""
    x, generator = batch(pictures, host.input), np.random.default_rng(seed)
    seen = host.activations(x, *_looked_at([pair.site for pair in pairs], [made for made in by_hand if made]))
    known: Known = {}
    said = _said(host, circuit, x, seen, known)
    rows = {f"mean/{site}": value.mean((2, 3)).numpy() for site, value in seen.items()}
    for i, (pair, made) in enumerate(zip(pairs, by_hand, strict=True)):
        own = _said(host, made, x, seen, known, circuit) if made else None
        truth, cells = _of(host, pair, seen)
        chosen = generator.permutation(truth.shape[2] * truth.shape[3])[:POSITIONS]
        sources = {CLAIMED: said, PERMUTED: said} | ({BY_HAND: own, WRONG: own} if own else {})
        values = {
            kind: onto(source[pair.family][0][:, _poses(pair, kind)], source[pair.family][1], cells) for kind, source in sources.items()
        }
        for kind, value in ({TRAINED: truth} | values).items():
            rows[f"{i}/{kind}"] = value.flatten(2)[:, :, chosen].movedim(1, 2).contiguous().numpy()
    return rows
