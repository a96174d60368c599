"""The result of `workbench tune`: how far the fit came, its numbers, and the files it wrote."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from workbench.tune.bounded import AT_BOUND


@dataclass(frozen=True)
class FittedCircuit:
    """A trained circuit that the numbers were fitted to.

    circuit         its SHA-256
    before, after   mean Pearson correlation of its units on the tuning pictures
    """

    file: Path
    host: str
    circuit: str
    before: float
    after: float


@dataclass(frozen=True)
class FittedNumber:
    """A number that was fitted between `min` and `max`; `key` as in messages and in the ledger."""

    key: str
    before: float
    after: float
    min: float
    max: float

    @property
    def at_bound(self) -> Literal["min", "max"] | None:
        """The bound that the number is at: less than AT_BOUND of the bounds' distance away.

        None also where the bounds are equal, as that is no result of the fit.
        """
        near = AT_BOUND * (self.max - self.min)
        if self.after - self.min < near:
            return "min"
        return "max" if self.max - self.after < near else None


@dataclass(frozen=True)
class TunedSpec:
    """A tuned spec as written: the files, and the facts of the fit."""

    spec: Path
    ledger: Path
    plot: Path
    circuits: tuple[FittedCircuit, ...]
    numbers: tuple[FittedNumber, ...]

    @property
    def files(self) -> dict[str, str]:
        """The files that were written: what each is, and its path."""
        return {name: str(getattr(self, name)) for name in ("spec", "ledger", "plot")}


def tuned_json(result: TunedSpec) -> str:
    """The result as JSON (specs/README.md)."""
    document = {
        "files": result.files,
        "circuits": [asdict(row) | {"file": str(row.file)} for row in result.circuits],
        "numbers": [asdict(row) | {"at_bound": row.at_bound} for row in result.numbers],
    }
    return json.dumps(document, indent=1)


def tuned_lines(result: TunedSpec) -> Iterator[str]:
    """The result as text: the circuits, the files, and the numbers that are at a bound."""
    for row in result.circuits:
        yield (
            f"{row.file}: mean Pearson on the tuning pictures {row.before:.3f} -> {row.after:.3f}"
        )
    yield f"tuned: {', '.join(result.files.values())}"
    if not any(number.at_bound for number in result.numbers):
        yield (
            f"No fitted number is at a bound, within {100 * AT_BOUND:.0f} % of the distance "
            "between its bounds."
        )
    for number in result.numbers:
        if bound := number.at_bound:
            yield (
                f"{number.key}: {number.after:g} is at its {bound} {getattr(number, bound):g}. "
                "Widen this bound and tune again; if the number is then at a bound, too, the "
                "pictures do not determine it."
            )
