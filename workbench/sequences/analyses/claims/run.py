"""Test the claims of a theory of tokens about edits of the network and of the theory."""

from pathlib import Path

import torch

from workbench.errors import WorkbenchError
from workbench.sequences.analyses.claims.edits import claim_parts
from workbench.sequences.analyses.claims.figures import (
    Measured,
    TokenClaims,
    TokenOutcome,
    measured,
    to_json,
)
from workbench.sequences.analyses.claims.plot import draw_claims
from workbench.sequences.analyses.opened import Opened, analysed
from workbench.sequences.score import TokenRequest
from workbench.work import Work


@torch.no_grad()
def run(
    request: TokenRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokenClaims:
    """Test every claim of a theory and write claims.json and claims.png to the folder `output`.

    Raises WorkbenchError, also for a theory without claims.
    """
    return analysed(request, output, work, "claims", _measured, to_json, draw_claims)


def _measured(start: Opened, work: Work) -> TokenClaims:
    claims = start.spec.theory.claims
    if not claims:
        raise WorkbenchError(
            str(start.spec.path),
            "no claims",
            "the key claims: predicted effects of edits",
            "docs/sequences.md explains them.",
        )
    sides = [
        (name, side, part)
        for name, parts in claim_parts(start).items()
        for side, part in parts.items()
    ]
    statistics = start.evaluated([part for _, _, part in sides], work)
    by_claim: dict[str, dict[str, Measured]] = {name: {} for name in claims}
    for (name, side, _), rows in zip(sides, statistics, strict=True):
        by_claim[name][side] = measured(claims[name].expect, rows, start.host, work.seed)
    outcomes = (TokenOutcome(name, claim, by_claim[name]) for name, claim in claims.items())
    return TokenClaims(start, tuple(outcomes))
