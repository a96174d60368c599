"""The weights of trained units in the terms of a theory."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float

from workbench.splice.calibrate import RIDGE, sample_positions
from workbench.splice.inputs import ConditionInputs

SILENT = 1e-12  # spread below which a term does not vary


def parts(
    batches: Iterable[ConditionInputs], seed: int = 0
) -> dict[str, Float[np.ndarray, " unit"]]:
    """Standardised weights of terms in each unit, in spreads of the unit for a spread of the term.

    They are the least squares of the unit's activation on the drives of its own terms, which
    `batches` hold, over sampled cells. A little ridge, `RIDGE` of each term's variance, keeps them
    unique where terms vary together. The weight of a term is its part in the unit next to the other
    terms; units of different strength can be compared. Raises ValueError without batches.
    """
    sample, _ = sample_positions(batches, np.random.default_rng(seed))
    names = list(sample.drives)
    trained = _standard(sample.trained)
    drives = torch.stack([_standard(sample.drives[name]) for name in names], 2)  # row unit term
    gram = torch.einsum("rut,rus->uts", drives, drives) + RIDGE * len(drives) * torch.eye(
        len(names), dtype=drives.dtype
    )
    weights = torch.linalg.solve(gram, torch.einsum("rut,ru->ut", drives, trained))
    return dict(zip(names, weights.T.numpy(), strict=True))


def _standard(x: torch.Tensor) -> torch.Tensor:
    """Each column shifted and scaled to mean 0 and spread 1; 0 where it does not vary."""
    centred = x.double() - x.double().mean(0)
    spread = centred.square().mean(0).sqrt()
    return torch.where(
        spread > SILENT, centred / spread.clamp_min(SILENT), torch.zeros_like(centred)
    )
