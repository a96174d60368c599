"""Gain and bias of units that end in a ReLU: the two numbers that calibration gives to each unit.

Their rule is to match moments: a unit gets the trained unit's mean and standard deviation. Least
squares would shrink a unit towards its mean the worse it agrees, and so change the scale of the
next layer's input: an error of scale, not of understanding.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.errors import WorkbenchError

LEAST = 10  # positions above a unit's threshold
# of a unit's highest activation: a direction of rectified channels may be so far below 0
ROUNDING = 1e-5


def gain_and_bias(
    drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
) -> tuple[Float[Tensor, " unit"], Float[Tensor, " unit"]]:
    """Gain >= 0 and bias of each unit by matched moments.

    `max(0, gain * drive + bias)` has the mean and the standard deviation of `trained`.

    Where that would leave fewer than LEAST positions above the threshold, the mean alone is
    matched: a handful of positions, or many of the same drive, determine no gain. A unit whose
    drive or trained activation never varies has gain 0 and the trained mean as its bias. Both are
    in the host's activation units. Raises WorkbenchError for a trained activation below 0, and for
    numbers that are not finite.
    """
    refuse_not_finite(drive=drive, trained_activation=trained)
    fitted = [_matched(z, a) for z, a in _columns(drive, trained)]
    gain, bias = torch.tensor(fitted, dtype=torch.float64).reshape(-1, 2).T.to(drive)
    return gain, bias


def refuse_not_finite(**numbers: Tensor) -> None:
    """Raise WorkbenchError if a number that calibration reads is not finite; it has the name."""
    for name, rows in numbers.items():
        if not rows.sum(dtype=torch.promote_types(rows.dtype, torch.float32)).isfinite():
            raise WorkbenchError(
                "calibration",
                f"a {name.replace('_', ' ')} that is nan or infinite",
                "finite numbers to fit gain and bias on",
                "Calibrate on other pictures, or find the layer or weight that overflows.",
            )


def mean_bias(drive: Float[Tensor, " row"], trained: Float[Tensor, " row"], gain: float) -> float:
    """The bias with which `max(0, gain * drive + bias)` has the mean of `trained`."""
    z, a = (to_numpy(tensor.double()) for tensor in (drive, trained))
    return _bias(gain * z, a.mean())


def _columns(*tensors: Tensor) -> list[tuple[np.ndarray, ...]]:
    return list(zip(*(to_numpy(tensor.double()).T for tensor in tensors), strict=True))


def _matched(
    drive: Float[np.ndarray, " row"], trained: Float[np.ndarray, " row"]
) -> tuple[float, float]:
    if trained.min() < -ROUNDING * trained.max():
        raise WorkbenchError(
            "calibration",
            f"a trained unit whose activation goes down to {trained.min():.3g}",
            "a rectified site: a handwritten unit is max(0, gain * drive + bias)",
            "Splice at the site after the ReLU, or declare the site's link.",
        )
    mean, spread = float(trained.mean()), float(trained.std())
    if not (np.ptp(drive) > 0 and np.ptp(trained) > 0 and mean > 0):
        return 0.0, mean
    threshold = _threshold(drive, spread / mean)
    gain = mean / np.maximum(0, drive - threshold).mean()
    return gain, -gain * threshold


def _threshold(drive: Float[np.ndarray, " row"], wanted: float) -> float:
    """The threshold at which `max(0, drive - threshold)` has the wanted spread over mean.

    The ratio grows with the threshold: by Cauchy and Schwarz the square of a mean is at most the
    mean square times the share of positions above the threshold. The threshold leaves at least
    LEAST positions above it.
    """
    from scipy.optimize import brentq  # see _bias

    def excess(threshold: float) -> float:
        above = np.maximum(0, drive - threshold)
        return above.std() / above.mean() - wanted

    lowest = min(
        drive.min(), drive.mean() - 1.001 * drive.std() / wanted
    )  # below all drives it is std / (mean - threshold)
    rank = min(LEAST + 1, len(drive))
    highest = min(np.partition(drive, -rank)[-rank], drive[drive < drive.max()].max())
    return float(brentq(excess, lowest, highest)) if excess(highest) > 0 else float(highest)


def _bias(drive: Float[np.ndarray, " row"], mean: float) -> float:
    """The bias with which `max(0, drive + bias)` has the mean, which grows with it."""
    from scipy.optimize import brentq  # not at the top: 0.4 s that theories of tokens do not need

    return float(
        brentq(
            lambda bias: np.maximum(0, drive + bias).mean() - mean, -drive.max(), mean - drive.min()
        )
    )
