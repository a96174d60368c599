"""Gradient descent with its whole state, so that an interrupted fit continues where it stopped."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

CLIPPED = 1.0  # largest norm of a gradient
ADAM = ("step", "exp_avg", "exp_avg_sq")  # Adam's state of each parameter
RANDOM, HISTORY = "random", "history"


class Descent:
    """Adam at a rate that rises and falls once.

    Kingma & Ba 2015, arXiv 1412.6980; Smith & Topin 2017, arXiv 1708.07120. `parameters` are fitted
    at `rate` at its highest, `slow` ones at a third of it. The caller of `step` draws from
    `generator`, and `history` holds the value that it reports at each step.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        slow: Sequence[Tensor],
        rate: float,
        steps: int,
        seed: int,
    ):
        self.parameters = [*parameters, *slow]
        self.optimizer = torch.optim.Adam(
            [{"params": list(parameters), "lr": rate}, {"params": list(slow), "lr": rate / 3}]
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, [rate, rate / 3], total_steps=max(steps, 2), pct_start=0.1
        )
        self.generator = torch.Generator().manual_seed(seed)
        self.history: list[float] = []

    def step(self, loss: Tensor, reported: float) -> None:
        """Takes one step down the gradient of the loss."""
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIPPED)
        self.optimizer.step()
        self.schedule.step()
        self.history.append(reported)

    def state(self) -> dict[str, np.ndarray]:
        """Everything that the next step depends on."""
        rows = {RANDOM: self.generator.get_state().numpy(), HISTORY: np.array(self.history)}
        for i, parameter in enumerate(self.parameters):
            rows[str(i)] = parameter.detach().numpy().copy()
            rows |= {
                f"{i}/{name}": value.numpy().copy()
                for name, value in self.optimizer.state[parameter].items()
            }
        return rows

    def restore(self, rows: Mapping[str, np.ndarray]) -> None:
        """Returns to a `state` of the same descent."""
        self.generator.set_state(torch.from_numpy(rows[RANDOM].copy()))
        self.history = rows[HISTORY].tolist()
        for i, parameter in enumerate(self.parameters):
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(rows[str(i)].copy()))
            self.optimizer.state[parameter] = {
                name: torch.from_numpy(rows[f"{i}/{name}"].copy())
                for name in ADAM
                if f"{i}/{name}" in rows
            }
        self.schedule.last_epoch = len(self.history) - 1
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # torch misses the steps that were taken before the interruption
            self.schedule.step()
