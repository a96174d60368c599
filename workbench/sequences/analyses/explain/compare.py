"""A trained table and the rule's: how much of the trained variance the rule explains.

The rule's table is multiplied by a factor of least squares that is not below 0, since a theory of
the opposite sign explains nothing. Tables of neurons have a factor for each neuron.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

Array = Float[np.ndarray, "row column"]


@dataclass(frozen=True)
class Compared:
    """One trained table next to the rule's.

    family, unit   whose it is: a head as in 0.2, a family's heads together, or a frequency
    kind, words    a short name of the table, and what its rows and columns are
    trained        centred, so that its mean square is its variance
    rule           of the same shape, times `factor`
    factor         one for all, or one for each column
    explained      share of the trained variance, and `controls` the same of wrong rules
    weight         how often each cell occurs; cells that do not occur are 0
    first_column   the number that stands for the first column, such as an offset
    right          of tables of tokens: the share of rows whose highest cell is that of the rule
    """

    family: str
    unit: str
    kind: str
    words: tuple[str, str]
    trained: Array
    rule: Array
    factor: Float[np.ndarray, " factor"]
    explained: float
    controls: Mapping[str, float] = field(default_factory=dict)
    weight: Array | None = None
    first_column: int = 0
    right: float | None = None

    @property
    def best_control(self) -> str | None:
        """The control that explains most."""
        return max(self.controls, key=lambda name: self.controls[name], default=None)

    @property
    def ahead(self) -> bool:
        """Whether the rule explains something, and more than every control."""
        return self.explained > max([0.0, *self.controls.values()])


def factor_of(
    trained: Array, rule: Array, weight: Array | None = None, by_column: bool = False
) -> Float[np.ndarray, " factor"]:
    """The factors of least squares, not below 0: one, or one for each column."""
    weights = np.ones_like(trained) if weight is None else weight
    axis = 0 if by_column else None
    size = (weights * rule**2).sum(axis)
    shared = (weights * trained * rule).sum(axis)
    return np.atleast_1d(np.clip(shared / np.maximum(size, 1e-300), 0, None))


def explained_by(
    trained: Array, rule: Array, weight: Array | None = None, by_column: bool = False
) -> float:
    """The share of the trained variance that the rule explains, with its best factors."""
    weights = np.ones_like(trained) if weight is None else weight
    total = float((weights * trained**2).sum())
    if total <= 0:
        return 0.0
    rest = trained - factor_of(trained, rule, weight, by_column) * rule
    return 1 - float((weights * rest**2).sum()) / total


def compared(
    names: tuple[str, str, str],
    words: tuple[str, str],
    trained: Array,
    rule: Array,
    wrong: Mapping[str, Array | tuple[Array, Array]],
    weight: Array | None = None,
    by_column: bool = False,
    first_column: int = 0,
) -> Compared:
    """Compare a trained table with the rule's and with wrong ones.

    names  family, unit and kind
    wrong  control -> the table of a wrong rule, or another trained table and the rule for it
    """
    factor = factor_of(trained, rule, weight, by_column)
    controls = {}
    for name, tables in wrong.items():
        pair = tables if isinstance(tables, tuple) else (trained, tables)
        controls[name] = explained_by(*pair, weight, by_column)
    explained = explained_by(trained, rule, weight, by_column)
    shown = factor * rule
    return Compared(
        *names, words, trained, shown, factor, explained, controls, weight, first_column
    )
