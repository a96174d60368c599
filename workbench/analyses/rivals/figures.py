"""The figures of a theory and its rivals: bits, and what is left of the network's answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.analyses.rivals.measure import THEORY, WRONG, Entry
from workbench.evaluate.statistics import Statistics
from workbench.hosts.output import Quantity
from workbench.matching.subject import Subject, subject_header
from workbench.score.bits import PRECISION, Bits, theory_bits
from workbench.score.facts import Header, document_json, picture_facts
from workbench.score.recovery import ABLATIONS, gains, recovered
from workbench.score.score import condition_score
from workbench.score.uncertainty import Figure
from workbench.splice.natural import site_before
from workbench.vision.pictures import Picture

FORMAT = 1


@dataclass(frozen=True)
class Row:
    """A theory or a rival: what it costs and what it keeps.

    condition, way, setting, bits  as in `Entry`
    quantities  by the keys of the host's output, such as kl
    pearson     mean over units
    recovered   of the headline quantity against the ablation that costs least
    """

    condition: str
    way: str
    setting: str
    bits: float
    quantities: Mapping[str, Figure]
    pearson: Figure
    recovered: Figure


@dataclass(frozen=True)
class Rivals:
    """The theory and its rivals, each way from few bits to many.

    reads          the site whose trained activation the rivals read
    precision      bits of a number of the theory that is compared
    theory_bits    the description length of that theory, by part
    headline       key of the quantity that is compared, such as kl
    ablation       the ablation that costs least
    best_at_bits   the rival of no more bits than the theory that keeps most; None without one
    against        that rival's headline quantity less the theory's: above 0, the theory does better
    fewest_as_good the rival of fewest bits that keeps as much as the theory; None without one
    """

    header: Header
    reads: str
    precision: int
    theory_bits: Mapping[str, float]
    headline: str
    ablation: str
    rows: tuple[Row, ...]
    best_at_bits: str | None
    against: Figure
    fewest_as_good: str | None

    @property
    def theory(self) -> Row:
        """The theory at the precision that is compared."""
        return self.row(f"{THEORY}.{self.precision}")

    def row(self, condition: str) -> Row:
        """The row of a condition. Raises StopIteration."""
        return next(row for row in self.rows if row.condition == condition)

    @property
    def ways(self) -> dict[str, list[Row]]:
        """The rows of each way, from few bits to many."""
        ways: dict[str, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: row.bits):
            ways.setdefault(row.way, []).append(row)
        return ways


def rivals_score(
    subject: Subject,
    entries: Sequence[Entry],
    statistics: Statistics,
    pictures: Mapping[str, Sequence[Picture]],
    seed: int = 0,
) -> Rivals:
    """The figures of every entry; `pictures` are those of "images" and "calibration"."""
    headline = subject.host.output.headline
    ablation = cheapest(statistics, headline, seed)
    rows = tuple(_row(entry, statistics, headline, ablation, seed) for entry in entries)
    theory = next(row for row in rows if row.condition == f"{THEORY}.{PRECISION}")
    rivals = [row for row in rows if row.way not in (THEORY, WRONG)]
    affordable = [row for row in rivals if row.bits <= theory.bits]
    best = min(affordable, key=lambda row: _left(row, headline), default=None)
    as_good = [row for row in rivals if _left(row, headline) <= _left(theory, headline)]
    fewest = min(as_good, key=lambda row: row.bits, default=None)
    parts: Bits = theory_bits(subject.spec.theory, subject.trained, PRECISION)
    return Rivals(
        header=subject_header(
            subject, **{name: picture_facts(of_use) for name, of_use in pictures.items()}, seed=seed
        ),
        reads=site_before(subject.host, subject.trained.site) or "",
        precision=PRECISION,
        theory_bits={**vars(parts), "total": parts.total},
        headline=headline.key,
        ablation=ablation,
        rows=rows,
        best_at_bits=best.condition if best else None,
        against=gains(statistics, theory.condition, best.condition, headline.name, seed)
        if best
        else Figure(None),
        fewest_as_good=fewest.condition if fewest else None,
    )


def cheapest(statistics: Statistics, headline: Quantity, seed: int) -> str:
    """The ablation that changes the answers least."""
    names = [f"ablated.{ablation}" for ablation in ABLATIONS]
    scores = {name: condition_score(statistics, name, headline, seed) for name in names}
    return min(names, key=lambda name: scores[name].quantities[headline.key].value or 0.0)


def _row(entry: Entry, statistics: Statistics, headline: Quantity, ablation: str, seed: int) -> Row:
    score = condition_score(statistics, entry.condition, headline, seed)
    return Row(
        **vars(entry),
        quantities=score.quantities,
        pearson=score.pearson,
        recovered=recovered(statistics, entry.condition, ablation, headline.name, seed=seed),
    )


def _left(row: Row, headline: Quantity) -> float:
    """The distance that is left; infinite where there is none."""
    value = row.quantities[headline.key].value
    return float("inf") if value is None else value


def rivals_json(result: Rivals) -> str:
    """The text of rivals.json (docs/rivals.md); numbers that are not finite become null."""
    return document_json(result, FORMAT)
