"""Proof by induction: the trained network on inputs that a theory claims.

The units of a site that the theory makes claims about are set to what it claims, and the trained
network runs on from there. If a later unit's activation is then what the theory claims of it, the
step holds. Moving the site back towards the picture removes one assumption after another. The other
way round, handwritten families run on trained inputs.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.stepwise.hypothesis import (
    CLAIMED,
    HANDWRITTEN,
    PERMUTED,
    TRAINED,
    WRONG,
    Hypothesis,
    family_responses,
    sites_read,
    trained_response,
)
from workbench.arrays import to_numpy
from workbench.cache import Kept
from workbench.compiler.respond import HostActivations, KnownResponses, cells_of
from workbench.engine import alone
from workbench.evaluate.batches import BATCH, Streaming, streamed
from workbench.evaluate.statistics import unit_moments
from workbench.matching.matched import GriddedResponse, on_one_grid, onto
from workbench.vision.pictures import Picture
from workbench.work import Work

# Assumptions about a site. CLAIMED: claimed units at what the theory claims; do these inputs
# suffice? PERMUTED: the control, each at what it claims of another unit of its family. In both the
# channels without a claim are at their mean.
# NATURAL: claimed units at what the theory claims, all others as they are; do the claimed inputs do
# harm?
NATURAL = "natural"
# WITHOUT: claimed units at their mean, all others as they are: what the others give alone, the base
# of NATURAL
WITHOUT = "without"
ASSUMPTIONS = (CLAIMED, PERMUTED, NATURAL, WITHOUT)

MOMENTS = "moments"  # the kind of cache entries


@torch.inference_mode()
def implied(
    theory: Hypothesis, x: Float[Tensor, "n 3 h w"], assumptions: Sequence[str] = ASSUMPTIONS
) -> dict[str, GriddedResponse]:
    """Activations of every claim's units on the host's input `x`.

    They are named by the claim's number and by how they are computed:

    CLAIM/trained               the trained units
    CLAIM/claimed               their family units, from pixels
    CLAIM/permuted              wrong family units, from pixels
    CLAIM/handwritten           their family units, on trained inputs
    CLAIM/handwritten, wrong    wrong family units, on trained inputs
    CLAIM/SITE/ASSUMPTION       the trained units, where an earlier site is as assumed
    """
    host, claims, last = theory.host, theory.claims, theory.circuit.layers[-1].family
    on_trained = [claim.on_trained.circuit for claim in claims if claim.on_trained]
    activations = host.activations(
        x, *sites_read([claim.pair.site for claim in claims], on_trained)
    )
    known: KnownResponses = {}
    responses = family_responses(host, theory.circuit, x, activations, known, last)
    values = dict[str, GriddedResponse]()
    for i, claim in enumerate(claims):
        values[f"{i}/{TRAINED}"] = trained_response(host, claim.pair, activations)
        values[f"{i}/{CLAIMED}"] = claim.right(responses)
        values[f"{i}/{PERMUTED}"] = claim.wrong(responses)
        if made := claim.on_trained:
            on_inputs = family_responses(host, made.circuit, x, activations, known, last)
            values[f"{i}/{HANDWRITTEN}"] = made.right(on_inputs)
            values[f"{i}/{WRONG}"] = made.wrong(on_inputs)
    for site in theory.sites[:-1]:
        for assumption in assumptions:
            values |= _later(theory, x, site, assumption, activations, responses)
    return values


def _later(
    theory: Hypothesis,
    x: Float[Tensor, "n 3 h w"],
    site: str,
    assumption: str,
    activations: Mapping[str, Tensor],
    responses: HostActivations,
) -> dict[str, GriddedResponse]:
    """The trained units of all claims at sites after one that is as assumed."""
    pairs = {i: theory.claims[i].pair for i in theory.later(site)}
    value = assumed(theory, site, assumption, activations[site], responses)
    later = dict.fromkeys(pair.site for pair in pairs.values())
    reached = theory.host.onward(x, site, value, *later)
    return {
        f"{i}/{site}/{assumption}": trained_response(theory.host, pair, reached)
        for i, pair in pairs.items()
    }


def assumed(
    theory: Hypothesis,
    site: str,
    assumption: str,
    activation: Float[Tensor, "n c h w"],
    responses: HostActivations,
) -> Float[Tensor, "n c h w"]:
    """A site's activation under an assumption.

    `activation` is its natural one, `responses` are those of the theory's families.
    """
    mean = theory.means[site].to(activation.dtype)[:, None, None].expand(activation.shape[1:])
    others_natural = assumption in (NATURAL, WITHOUT)
    value = activation.clone() if others_natural else mean.expand(activation.shape).clone()
    for claim in theory.claims:
        units = list(claim.pair.units)
        if claim.pair.site == site and assumption == WITHOUT:
            value[:, units] = mean[units]
        elif claim.pair.site == site:
            family_units = claim.wrong if assumption == PERMUTED else claim.right
            value[:, units] = onto(*family_units(responses), cells_of(theory.host.site(site)))
    return value


def moments(
    theory: Hypothesis,
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
    size: int = BATCH,
) -> dict[str, Float[np.ndarray, "group unit 6"]]:
    """MOMENTS of everything that `implied` gives, against the claimed and the trained units.

    They are named `CLAIM/HOW/claimed` and `CLAIM/HOW/trained`, on the coarser of the two grids; a
    row a picture, or a group of many (`evaluate.groups`). With a cache, batches that an earlier run
    finished are read back.
    """

    def rows(batch: Sequence[Picture]) -> dict[str, np.ndarray]:
        values = implied(theory, theory.host.input.batch(batch))
        return {
            f"{name}/{truth}": to_numpy(
                unit_moments(*on_one_grid(value, values[f"{name.partition('/')[0]}/{truth}"]))
            )
            for name, value in values.items()
            for truth in (CLAIMED, TRAINED)
        }

    how = Streaming(
        kept=Kept(work.cache, MOMENTS, theory.key),
        progress=work.stage("steps on pictures", len(pictures)),
        engine=alone,  # several batches, of all sites and assumptions, take gigabytes
        size=size,
        summed=lambda quantity: True,
    )
    return streamed(pictures, rows, how)
