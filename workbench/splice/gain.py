"""Gain and bias: the two numbers that calibration gives to each unit, so that it speaks as loudly and as often as the trained one.

Their rule is to match moments: the unit gets the trained unit's mean and standard deviation. Least squares would shrink a unit towards its mean
the worse it agrees, and the layers behind would hear it too quietly: a loss of scale, not of understanding.
"""

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import brentq
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.errors import WorkbenchError

LEAST = 10  # cells above a unit's threshold


def gain_and_bias(
    drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
) -> tuple[Float[Tensor, " unit"], Float[Tensor, " unit"]]:
    """For each unit the gain >= 0 and the bias with which `max(0, gain * drive + bias)` has the mean and the standard deviation of `trained`.

    Where that would leave fewer than LEAST cells above the threshold, the mean alone is matched: on a handful of cells, or on many that say the
    same, no gain is known. A unit whose drive or trained activation never varies has gain 0 and the trained mean as its bias. Both are in the
    host's activation units. Raises WorkbenchError for a trained activation below 0.
    """
    fitted = [_matched(z, a) for z, a in _columns(drive, trained)]
    gain, bias = torch.tensor(fitted, dtype=torch.float64).reshape(-1, 2).T.to(drive)
    return gain, bias


def one_gain_and_bias(
    drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
) -> tuple[Float[Tensor, " unit"], Float[Tensor, " unit"]]:
    """As `gain_and_bias`, with one gain for all units: the geometric mean of their own ones that are not 0. Each bias gives its unit the trained
    mean."""
    own, bias = gain_and_bias(drive, trained)
    heard = own > 0
    if not heard.any():
        return own, bias
    gain = own[heard].double().log().mean().exp()
    biases = [
        _bias(gain.item() * z, a.mean()) if alive else float(a.mean())
        for alive, (z, a) in zip(heard, _columns(drive, trained), strict=True)
    ]
    return torch.where(heard, gain.to(own.dtype), own), torch.tensor(biases, dtype=own.dtype, device=own.device)


def _columns(*tensors: Tensor) -> list[tuple[np.ndarray, ...]]:
    return list(zip(*(to_numpy(tensor.double()).T for tensor in tensors), strict=True))


def _matched(drive: Float[np.ndarray, " row"], trained: Float[np.ndarray, " row"]) -> tuple[float, float]:
    if trained.min() < 0:
        raise WorkbenchError(
            "calibration",
            f"a trained unit whose activation goes down to {trained.min():.3g}",
            "a rectified site: a handwritten unit says max(0, gain * drive + bias)",
            "Splice behind the ReLU.",
        )
    mean, spread = float(trained.mean()), float(trained.std())
    if not (np.ptp(drive) > 0 and np.ptp(trained) > 0):
        return 0.0, mean
    threshold = _threshold(drive, spread / mean)
    gain = mean / np.maximum(0, drive - threshold).mean()
    return gain, -gain * threshold


def _threshold(drive: Float[np.ndarray, " row"], wanted: float) -> float:
    """Where `max(0, drive - threshold)` has the wanted standard deviation over mean.

    That grows with the threshold: by Cauchy and Schwarz the square of a mean is at most the mean square times the share of cells above the
    threshold. At the most, LEAST cells and what says the same as they are above.
    """

    def excess(threshold: float) -> float:
        above = np.maximum(0, drive - threshold)
        return above.std() / above.mean() - wanted

    lowest = min(drive.min(), drive.mean() - 1.001 * drive.std() / wanted)  # below all drives it is std / (mean - threshold)
    rank = min(LEAST + 1, len(drive))
    highest = min(np.partition(drive, -rank)[-rank], drive[drive < drive.max()].max())
    return float(brentq(excess, lowest, highest)) if excess(highest) > 0 else float(highest)


def _bias(drive: Float[np.ndarray, " row"], mean: float) -> float:
    """The bias with which `max(0, drive + bias)` has the mean, which grows with it."""
    return float(brentq(lambda bias: np.maximum(0, drive + bias).mean() - mean, -drive.max(), mean - drive.min()))
