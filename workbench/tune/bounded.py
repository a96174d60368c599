"""The numbers that are fitted, within their bounds."""

from collections.abc import Callable, Collection

import numpy as np
import torch
from pydantic import BaseModel
from torch import Tensor

from workbench.spec.language import Number, numbers

MARGIN = 0.02  # of the bounds' distance: a value on its bound has no gradient
# Of the bounds' distance, within which a fitted number counts as at its bound. It is more than
# MARGIN: a number that is written on its bound starts there, and may not have moved since.
AT_BOUND = 0.03

Path = tuple[str | int, ...]


class Bounded(torch.nn.Module):
    """Every tuned number of a theory, except those of the families `hold`, as a parameter.

    The parameter's sigmoid runs from the number's `min` to its `max`.
    """

    def __init__(self, theory: BaseModel, hold: Collection[str] = ()):
        super().__init__()
        self.fitted = {
            path: number for path, number in numbers(theory) if number.tuned and path[1] not in hold
        }
        self.low = torch.tensor(
            [number.min for number in self.fitted.values()], dtype=torch.float64
        )
        self.span = (
            torch.tensor([number.max for number in self.fitted.values()], dtype=torch.float64)
            - self.low
        )
        above = (
            torch.tensor([number.tune for number in self.fitted.values()], dtype=torch.float64)
            - self.low
        )
        start = torch.where(
            self.span > 0, above / self.span, 0.5
        )  # min and max may be equal: such a number stays
        self.free = torch.nn.Parameter(torch.logit(start.clamp(MARGIN, 1 - MARGIN)))
        self.index = {id(number): i for i, number in enumerate(self.fitted.values())}

    def value(self) -> Callable[[Number], Tensor]:
        """A function for the compiler: Number -> the tensor of its current value."""
        current = self.low + self.span * torch.sigmoid(self.free)
        return lambda number: (
            current[self.index[id(number)]]
            if id(number) in self.index
            else torch.tensor(number.tune, dtype=torch.float64)
        )

    def values(self) -> dict[Path, float]:
        """The fitted numbers, rounded to four digits, as a fit determines no more."""
        low, high = self.low.numpy(), (self.low + self.span).numpy()
        current = self.low.numpy() + self.span.numpy() * torch.sigmoid(self.free.detach()).numpy()
        rounded = np.clip([float(f"{value:.4g}") for value in current], low, high)
        return dict(zip(self.fitted, rounded.tolist(), strict=True))
