"""What a trained unit makes of each term of a theory: its weights in the theory's terms."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Float

from workbench.splice.calibrate import RIDGE, sample_cells
from workbench.splice.scene import Scene

SILENT = 1e-12  # spread below which a term says nothing


def parts(scenes: Iterable[Scene], seed: int = 0) -> dict[str, Float[np.ndarray, " unit"]]:
    """Standardised weights of the terms whose drives the scenes hold: least squares of each trained unit's activation on the drives of its own
    terms, over sampled cells, in spreads of the unit for a spread of the term.

    A little ridge, `RIDGE` of each term's variance, keeps them unique where terms go together. A term's weight is its part in the unit beside
    the other terms; units of different loudness can be compared. Raises ValueError without scenes.
    """
    sample, _ = sample_cells(scenes, np.random.default_rng(seed))
    names = list(sample.drives)
    trained = _standard(sample.trained)
    drives = torch.stack([_standard(sample.drives[name]) for name in names], 2)  # row unit term
    gram = torch.einsum("rut,rus->uts", drives, drives) + RIDGE * len(drives) * torch.eye(len(names), dtype=drives.dtype)
    weights = torch.linalg.solve(gram, torch.einsum("rut,ru->ut", drives, trained))
    return dict(zip(names, weights.T.numpy(), strict=True))


def _standard(x: torch.Tensor) -> torch.Tensor:
    """Mean 0 and spread 1 in each column; 0 where it does not vary."""
    centred = x.double() - x.double().mean(0)
    spread = centred.square().mean(0).sqrt()
    return torch.where(spread > SILENT, centred / spread.clamp_min(SILENT), torch.zeros_like(centred))
