"""Test the claims of a theory of tokens about edits of the network and of the theory."""

from pathlib import Path

import torch

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.sequences.analyses.claims.edits import claim_parts
from workbench.sequences.analyses.claims.figures import (
    Measured,
    TokenClaims,
    TokenOutcome,
    measured,
    to_json,
)
from workbench.sequences.analyses.claims.plot import draw_claims
from workbench.sequences.analyses.opened import Opened, opened
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
    start = opened(request, work.seed)
    if not start.spec.theory.claims:
        raise WorkbenchError(
            str(request.spec),
            "no claims",
            "the key claims: predicted effects of edits",
            "docs/sequences.md explains them.",
        )
    with folder_written_whole(output) as folder:
        result = TokenClaims(start, _outcomes(start, work))
        write_whole(folder / "claims.json", to_json(result))
        write_whole(folder / "claims.png", png(draw_claims(result)))
    return result


def _outcomes(start: Opened, work: Work) -> tuple[TokenOutcome, ...]:
    """Every claim with what was measured on each side."""
    claims = start.spec.theory.claims
    sides = [
        (name, side, part)
        for name, parts in claim_parts(start).items()
        for side, part in parts.items()
    ]
    statistics = start.evaluated([part for _, _, part in sides], work)
    by_claim: dict[str, dict[str, Measured]] = {name: {} for name in claims}
    for (name, side, _), rows in zip(sides, statistics, strict=True):
        by_claim[name][side] = measured(claims[name].expect, rows, start.host, work.seed)
    return tuple(TokenOutcome(name, claim, by_claim[name]) for name, claim in claims.items())
