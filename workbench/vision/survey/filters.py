"""Filters on the picture, of one form, whose responses to gratings are nearest to those of units.

They are fitted by gradient through the function that compiles them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Arrays, content_of
from workbench.hosts.host import Host
from workbench.vision.pictures import Picture
from workbench.vision.survey.family import Judged
from workbench.vision.survey.gratings import Trials, amplitudes, show
from workbench.vision.survey.responses import Steps, moments

TINY = 1e-9
FIRST_STEPS, LAST_STEPS = 120, 300
OFFSET = "offset"  # a fitted constant that is added to a unit's drive; not every form has it

Poses = dict[str, Tensor]


@dataclass(frozen=True)
class Form:
    """A form of filters.

    steps    fitted parameter -> (step of the fit, lowest, highest)
    starts   (trials, their responses over each unit's peak) -> parameters to begin with
    filters  (parameters, side of the field in pixels) -> each unit's filter
    poses    parameters -> poses of the units, named as in `theory.poses`
    """

    steps: Mapping[str, tuple[float, float, float]]
    starts: Sequence[Callable[[Trials, Tensor], Poses]]
    filters: Callable[[Poses, int], Float[Tensor, "unit 3 k k"]]
    poses: Callable[[Poses], Mapping[str, Float[np.ndarray, " unit"]]]


@dataclass(frozen=True)
class Fitted(Judged):
    """Figures of every unit, and the `poses` of its nearest filter, named as in `theory.poses`."""

    poses: Mapping[str, Float[np.ndarray, " unit"]]


def judge(
    host: Host,
    sites: Sequence[str],
    pictures: Sequence[Picture],
    steps: Steps,
    form: Form,
    thresholds: Mapping[str, float],
) -> Mapping[str, Fitted]:
    """Figures of every unit of each site, against its nearest filter of a form."""
    over_pictures = moments(host, sites, pictures, steps)
    fitted = {}
    for name in sites:
        trials = show(host, host.site(name), steps)
        mean, spread = over_pictures[name]
        by_orientation = amplitudes(trials)
        best = by_orientation.max(0)
        parameters, explained = fit(trials, steps, form)
        evenness = by_orientation.min(0) / (best + TINY)
        figures = {
            "strength": (best - mean) / (spread + TINY),
            "explained": explained,
            "unexplained": 1 - explained,
            "evenness": evenness,
            "selectivity": 1 - evenness,
        }
        fitted[name] = Fitted(figures, thresholds, form.poses(parameters))
    return fitted


def fit(trials: Trials, steps: Steps, form: Form) -> tuple[Poses, Float[np.ndarray, " unit"]]:
    """Parameters of the filters with the nearest responses, and the share of variance of each.

    Least squares on the rectified responses, from each start; the best of them is descended
    further. A unit without any response has 0 explained.
    """
    peak = trials.responses.amax(0)
    wanted = trials.responses / (peak + TINY)
    fits = list[Poses]()

    def descended(i: int) -> Arrays:
        if i < len(form.starts):
            start = form.starts[i](trials, wanted)
            poses, loss = _descend(trials.shown, wanted, start, FIRST_STEPS, form)
        else:
            best = torch.stack([fit["loss"] for fit in fits]).argmin(0)
            columns = torch.arange(len(best))
            chosen = {
                name: torch.stack([fit[name] for fit in fits])[best, columns] for name in form.steps
            }
            poses, loss = _descend(trials.shown, wanted, chosen, LAST_STEPS, form)
        return {name: value.numpy() for name, value in {**poses, "loss": loss}.items()}

    content = content_of(trials.shown.numpy(), trials.responses.numpy())
    for arrays in steps("fit", len(form.starts) + 1, descended, content):
        fits.append({name: torch.from_numpy(value.copy()) for name, value in arrays.items()})
    poses = fits[-1]
    loss = poses.pop("loss")
    spread = (wanted - wanted.mean(0)).square().sum(0)
    explained = torch.where(peak > TINY, 1 - loss / spread.clamp_min(TINY), torch.zeros_like(loss))
    return poses, explained.numpy()


def _descend(
    shown: Tensor, wanted: Tensor, start: Poses, steps: int, form: Form
) -> tuple[Poses, Float[Tensor, " unit"]]:
    """Parameters after gradient descent on each unit's squared error, and that error.

    The steps get shorter in the second half.
    """
    poses = {name: value.clone().requires_grad_(True) for name, value in start.items()}
    descent = torch.optim.Adam(
        [{"params": [poses[name]], "lr": form.steps[name][0]} for name in poses], betas=(0.9, 0.99)
    )

    def loss() -> Tensor:
        drive = shown.flatten(1) @ form.filters(poses, shown.shape[-1]).flatten(1).T
        return (torch.relu(drive + poses.get(OFFSET, 0.0)) - wanted).square().sum(0)

    for step in range(steps):
        for group, name in zip(descent.param_groups, poses, strict=True):
            group["lr"] = form.steps[name][0] * (min(1.0, 2 * (1 - step / steps)) + 0.02)
        descent.zero_grad()
        loss().sum().backward()
        descent.step()
        with torch.no_grad():
            for name, value in poses.items():
                value.clamp_(*form.steps[name][1:])
    with torch.no_grad():
        last = loss()
    return {name: value.detach() for name, value in poses.items()}, last
