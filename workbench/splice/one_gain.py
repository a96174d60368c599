"""One gain for all units, and a bias for each: how a variant is calibrated whose units may not differ in gain."""

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import minimize_scalar
from torch import Tensor

GAINS = 64  # tried between the least and the largest of the units' own, before the search between neighbours


def one_gain_and_bias(
    drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"], own: Float[Tensor, " unit"]
) -> tuple[Float[Tensor, " unit"], Float[Tensor, " unit"]]:
    """The gain >= 0 of all units and the bias of each that minimise `sum (max(0, gain * drive + bias) - trained)^2` over rows and units.

    At a gain the best biases are known exactly, which leaves one number to search for (variable projection: Golub & Pereyra 1973, doi
    10.1137/0710036): the best of GAINS between the least and the largest of the units' `own` best gains, then Brent's method between its
    neighbours. Gives the gain once for each unit, in the host's activation units.
    """
    order = torch.argsort(-drive, dim=0, stable=True)
    z, a = (each.gather(0, order).double().numpy() for each in (drive, trained))

    def error(gain: float) -> float:
        return float(best_biases(gain, z, a)[1].sum())

    gains = np.unique(np.linspace(float(own.min()), float(own.max()), GAINS))
    best = int(np.argmin([error(gain) for gain in gains]))
    low, high = gains[max(best - 1, 0)], gains[min(best + 1, len(gains) - 1)]
    found = minimize_scalar(error, bounds=(low, high), method="bounded", options={"xatol": 1e-9 * max(high, 1e-9)}).x
    gain = min((float(gains[best]), float(found)), key=error)
    return torch.full_like(own, gain), torch.as_tensor(best_biases(gain, z, a)[0], dtype=own.dtype)


def best_biases(
    gain: float, z: Float[np.ndarray, "row unit"], a: Float[np.ndarray, "row unit"]
) -> tuple[Float[np.ndarray, " unit"], Float[np.ndarray, " unit"]]:
    """(bias, squared error) of each unit at a gain: exact. `z` are its drives in falling order, `a` the activations at the same rows.

    If the k highest drives, and no others, are above the threshold, the error is a parabola in the bias: its least is at their mean residual, or
    at the end of the biases for which just these k are above. The best of all k is the best bias.
    """
    count = np.arange(1, len(z) + 1)[:, None]
    residual = a - gain * z
    total, power, silent = np.cumsum(residual, 0), np.cumsum(residual**2, 0), (a**2).sum(0) - np.cumsum(a**2, 0)
    above_all = np.full_like(z[:1], np.inf)
    bias = np.clip(total / count, -gain * z, np.concatenate([-gain * z[1:], above_all]))
    error = power - 2 * bias * total + count * bias**2 + silent
    k = error.argmin(0)[None]
    return np.take_along_axis(bias, k, 0)[0], np.take_along_axis(error, k, 0)[0]
