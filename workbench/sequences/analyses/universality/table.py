"""The tables of one theory of tokens on many networks."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.sequences.analyses.universality.figures import (
    FINAL,
    NetworkRow,
    Part,
    TokenUniversality,
)
from workbench.sequences.part import SCORE_LEVEL

LEAST_SHOWN = -9.0  # recovered: a share of almost nothing may be any number
NOT_THIS = "not this mechanism"
FOLLOWED = (
    "checkpoints: the units of the training's last network are scored at every step; `survey` "
    "counts the units that a survey finds at that step itself"
)


def universality_table(result: TokenUniversality) -> Group:
    """Units that the survey finds in each network, its loss, and the figures of each part."""
    title = f"{result.spec.theory.theory} on {len(result.rows)} networks (level: {SCORE_LEVEL})"
    followed = any(row.units_from == FINAL for row in result.rows)
    return Group(
        Text(title, style="bold"),
        *([Text(FOLLOWED)] if followed else []),
        _networks(result),
        *(Text(f"{row.host}: {row.reason}", style="yellow") for row in _unscored(result)),
        *_parts(result),
    )


def _unscored(result: TokenUniversality) -> list[NetworkRow]:
    return [row for row in result.rows if row.reason and not row.parts]


def _networks(result: TokenUniversality) -> Table:
    shown = plain_table()
    shown.add_column("\nnetwork", overflow="fold")
    shown.add_column("\nsurvey", overflow="fold")
    shown.add_column("scored\nunits", overflow="fold")
    shown.add_column("\nloss", justify="right")
    shown.add_column("\naccuracy", justify="right")
    for row in result.rows:
        figures = number(row.loss, 3), number(row.accuracy, 3)
        survey = counted(row.surveyed) or NOT_THIS
        shown.add_row(row.host, survey, counted(row.units) or "–", *figures)
    return shown


def counted(units: Mapping[str, Sequence[str]]) -> str:
    """The number of units of each family, as `2 previous, 4 follower`."""
    return ", ".join(f"{len(names)} {family}" for family, names in units.items())


def _parts(result: TokenUniversality) -> Iterator[Text | Table]:
    for part in result.parts:
        yield Text()
        yield Text(f"{part}, of each network's cheapest ablation", style="bold")
        shown = plain_table()
        shown.add_column("\nnetwork", no_wrap=True)
        shown.add_column("\nrecovered", justify="right")
        shown.add_column("\n95 % interval", no_wrap=True)
        shown.add_column("logit\nR2", justify="right")
        shown.add_column("\nverdict", overflow="fold")
        for row in result.rows:
            if part in row.parts:
                shown.add_row(row.host, *_cells(row, part))
        yield shown


def _cells(row: NetworkRow, part: str) -> tuple[str, str, str, str]:
    figure, figures = row.recovered(part), row.parts[part]
    r2 = number(figures["logit_r2"], 3)
    if figure.value is not None and figure.value < LEAST_SHOWN:
        return f"< {number(LEAST_SHOWN, 0)}", "", r2, short_verdict(figures)
    return number(figure.value, 3), interval(figure.ci95), r2, short_verdict(figures)


def short_verdict(part: Part) -> str:
    """The verdict in a few words: universality.json has the sentence."""
    if part["supported"]:
        return "better than every rival"
    if part["verdict"].startswith(NOT_THIS):
        return NOT_THIS
    return f"rival: {part['best_rival']}" if part["best_rival"] else part["verdict"]
