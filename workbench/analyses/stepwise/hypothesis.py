"""A theory's calibrated claims about a host's units: the hypothesis of a proof by induction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Kept, cache_key
from workbench.code import code_version
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.compiler.bind import Bound
from workbench.compiler.families import families
from workbench.compiler.file import to_bytes
from workbench.compiler.respond import HostActivations, KnownResponses, cells_of, host_activations
from workbench.engine import here
from workbench.errors import WorkbenchError
from workbench.evaluate.batches import Streaming, streamed
from workbench.hosts.host import Host
from workbench.matching.correspondence import bindable
from workbench.matching.matched import CalibratedUnits, GriddedResponse, Matched, onto
from workbench.matching.subject import Subject
from workbench.splice.calibrate import POSITIONS
from workbench.splice.link import Link, link_of
from workbench.vision.pictures import Picture
from workbench.work import Work

TRAINED = "trained"  # the trained units themselves
CLAIMED = "claimed"  # what the theory claims of them: their family units, computed from pixels
PERMUTED = "permuted"  # the control: what it claims of other units of their family
HANDWRITTEN = "handwritten"  # their family units, computed from trained units
WRONG = "handwritten, wrong"  # the same of other units of their family

CELLS = "cells"  # the kind of cache entries


@dataclass(frozen=True)
class OnTrainedInputs:
    """A claim's family, handwritten, that reads trained units.

    circuit  ends in the claim's family
    bound    the families that it reads, and the trained units that stand in for them
    right    the claim's units in it
    wrong    other units of the family, as a control
    """

    circuit: HandwrittenCircuit
    bound: Bound
    right: CalibratedUnits
    wrong: CalibratedUnits


@dataclass(frozen=True)
class MatchedClaim:
    """The theory's claim about trained units that match one of its families.

    pair        the trained units and their family units
    right       the family units, calibrated to the trained ones
    wrong       other units of the family, as a control
    on_trained  the same family on trained inputs; None where it reads no trained units
    unread      why it reads none
    """

    pair: Matched
    right: CalibratedUnits
    wrong: CalibratedUnits
    on_trained: OnTrainedInputs | None
    unread: str = ""


@dataclass(frozen=True)
class Hypothesis:
    """Everything that a theory claims of a host.

    means  the mean of every channel of each site over the calibration pictures
    key    hash of everything that the hypothesis depends on
    """

    host: Host
    circuit: HandwrittenCircuit
    claims: tuple[MatchedClaim, ...]
    means: Mapping[str, Float[Tensor, " c"]]
    key: str

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that have claims, in the order of the host."""
        return tuple(dict.fromkeys(claim.pair.site for claim in self.claims))

    def later(self, site: str) -> list[int]:
        """The indices of the claims at later sites."""
        sites = self.sites
        return [
            i
            for i, claim in enumerate(self.claims)
            if sites.index(claim.pair.site) > sites.index(site)
        ]


def hypothesis(
    subject: Subject, pairs: Sequence[Matched], calibration: Sequence[Picture], work: Work
) -> Hypothesis:
    """Compile the families that can read trained units, and calibrate every claim.

    With a cache, batches that an earlier run finished are read back. Raises WorkbenchError as
    `compile_spec`.
    """
    bindings = [_binding(subject, pairs, pair) for pair in pairs]
    ends = [pair.family for pair in pairs]
    compiled = list(
        here(lambda item: _on_trained(subject, *item), zip(bindings, ends, strict=True))
    )
    circuits = [made if isinstance(made, HandwrittenCircuit) else None for made in compiled]
    key = _key(subject, circuits, pairs, work.seed)
    how = Streaming(
        kept=Kept(work.cache, CELLS, key), progress=work.stage("calibrate", len(calibration))
    )
    rows = streamed(
        calibration, lambda batch: _cells(subject, circuits, pairs, batch, work.seed), how
    )
    claims = []
    for i, (pair, made, binding) in enumerate(zip(pairs, compiled, bindings, strict=True)):
        link = link_of(subject.host.site(pair.site))
        units = {
            kind: _calibrated(pair, kind, rows[f"{i}/{kind}"], rows[f"{i}/{TRAINED}"], link)
            for kind in _kinds(circuits[i])
        }
        right, wrong = units[CLAIMED], units[PERMUTED]
        if isinstance(made, HandwrittenCircuit):
            on_trained = OnTrainedInputs(made, binding, units[HANDWRITTEN], units[WRONG])
            claims.append(MatchedClaim(pair, right, wrong, on_trained))
        else:
            claims.append(MatchedClaim(pair, right, wrong, None, made))
    means = {
        site: torch.from_numpy(rows[f"mean/{site}"].mean(0))
        for site in dict.fromkeys(pair.site for pair in pairs)
    }
    key = cache_key(key, *(picture.sha256 for picture in calibration))
    return Hypothesis(subject.host, subject.circuit, tuple(claims), means, key)


def family_responses(
    host: Host,
    circuit: HandwrittenCircuit,
    x: Tensor,
    activations: Mapping[str, Tensor],
    known: KnownResponses,
    last_family: str,
) -> HostActivations:
    """The responses of a circuit's families to the host's input `x`, on their own cells.

    The last family of the theory, `last_family`, gives its drive. `activations` has the host's at
    the sites that the circuit reads; `known` is as in `families`.
    """
    rectified = circuit.layers[-1].family != last_family
    at_sites = host_activations(host, {site: activations[site] for site in circuit.sites})
    return families(
        circuit, host.input.decode(x), host.picture_input.mean_rgb, at_sites, rectified, known
    )


def trained_response(
    host: Host, pair: Matched, activations: Mapping[str, Tensor]
) -> GriddedResponse:
    """The activation of a pair's trained units."""
    return activations[pair.site][:, list(pair.units)], cells_of(host.site(pair.site))


def sites_read(sites: Sequence[str], circuits: Sequence[HandwrittenCircuit]) -> list[str]:
    """Some sites, and those that circuits read, each once."""
    return list(dict.fromkeys([*sites, *(site for circuit in circuits for site in circuit.sites)]))


def _binding(subject: Subject, pairs: Sequence[Matched], pair: Matched) -> Bound:
    """The trained units that a pair's family can read."""
    spec, trained, host = subject.spec, subject.trained, subject.host
    return bindable(spec, trained, host, subject.circuit, pairs, subject.bound, pair)


def _on_trained(subject: Subject, bound: Bound, family: str) -> HandwrittenCircuit | str:
    """The circuit that ends in a family and reads trained units, or why there is none."""
    if not bound:
        return "no trained units for the families that it reads"
    try:
        return compile_spec(subject.spec, subject.trained, subject.host, bound=bound, until=family)
    except WorkbenchError as error:  # such as a family that its ideal stimulus no longer drives
        return str(error)


def _key(
    subject: Subject,
    circuits: Sequence[HandwrittenCircuit | None],
    pairs: Sequence[Matched],
    seed: int,
) -> str:
    """The cache key of the calibration's cells."""
    contents = [
        hashlib.sha256(to_bytes(circuit)).hexdigest() if circuit else ""
        for circuit in (subject.circuit, *circuits)
    ]
    facts = [pair.facts for pair in pairs]
    return cache_key(code_version(), subject.host.facts, *contents, *facts, seed)


def _kinds(on_trained: HandwrittenCircuit | None) -> tuple[str, ...]:
    """The kinds of family units that a claim has."""
    return (CLAIMED, PERMUTED, HANDWRITTEN, WRONG) if on_trained else (CLAIMED, PERMUTED)


def _poses(pair: Matched, kind: str) -> list[int]:
    return list(pair.poses if kind in (CLAIMED, HANDWRITTEN) else pair.wrong)


def _calibrated(
    pair: Matched,
    kind: str,
    response: Float[np.ndarray, "picture cell unit"],
    trained: Float[np.ndarray, "picture cell unit"],
    link: Link,
) -> CalibratedUnits:
    rows, truth = (torch.from_numpy(values).flatten(0, 1) for values in (response, trained))
    return CalibratedUnits(pair.family, _poses(pair, kind), *link.fit(rows, truth), link)


def _cells(
    subject: Subject,
    on_trained: Sequence[HandwrittenCircuit | None],
    pairs: Sequence[Matched],
    pictures: Sequence[Picture],
    seed: int,
) -> dict[str, np.ndarray]:
    """Activations at POSITIONS random cells of each picture, and each site's means.

    `CLAIM/trained` is the trained units' activation, by the claim's number; the other kinds are the
    family responses that are calibrated to it.
    """
    host, circuit = subject.host, subject.circuit
    x, generator = host.input.batch(pictures), np.random.default_rng(seed)
    sites = sites_read([pair.site for pair in pairs], [made for made in on_trained if made])
    activations, last = host.activations(x, *sites), circuit.layers[-1].family
    known: KnownResponses = {}
    from_pixels = family_responses(host, circuit, x, activations, known, last)
    rows = {f"mean/{site}": value.mean((2, 3)).numpy() for site, value in activations.items()}
    for i, (pair, made) in enumerate(zip(pairs, on_trained, strict=True)):
        sources = {CLAIMED: from_pixels, PERMUTED: from_pixels}
        if made:
            on_inputs = family_responses(host, made, x, activations, known, last)
            sources |= {HANDWRITTEN: on_inputs, WRONG: on_inputs}
        truth, cells = trained_response(host, pair, activations)
        chosen = generator.permutation(truth.shape[2] * truth.shape[3])[:POSITIONS]
        values = {TRAINED: truth}
        for kind, source in sources.items():
            response, family_cells = source[pair.family]
            values[kind] = onto(response[:, _poses(pair, kind)], family_cells, cells)
        for kind, value in values.items():
            rows[f"{i}/{kind}"] = value.flatten(2)[:, :, chosen].movedim(1, 2).contiguous().numpy()
    return rows
