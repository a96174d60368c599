"""The table of `workbench explain`."""

from collections.abc import Mapping

from rich.console import Group
from rich.text import Text

from workbench.analyses.explain.figures import Explained, PairExplained
from workbench.matching.agreement import Agreement
from workbench.matching.prediction import BY_TURNS, SIDES
from workbench.report.conditions import number
from workbench.report.plain import plain_table

SHOWN = 3  # of the weights that the theory gets most wrong
SIGNIFICANT = 0.05  # p of permuted poses below this has a star
UNTURNED = (
    "not predicted by turning: weights from {}, whose units differ in more than direction and place"
)
FIGURES = ("explained", "cosine", "sign", "rank")
ROWS = {
    "theory": "the theory, one scale",
    "other half": "the same, of the other half",
    f"fitted {BY_TURNS}": "predicted: fitted, by turns",
    f"fitted {SIDES}": "predicted: fitted, one side",
    BY_TURNS: "predicted: turned, by turns",
    SIDES: "predicted: turned, one side",
}


def explain_table(explained: Explained) -> Group:
    """The rows of each two families, and the weights that the theory gets most wrong.

    They are six, or four where turning predicts no weights.
    """
    facts = explained.header
    where = f"{facts.spec['theory']} on {facts.host['name']}:{facts.circuit['site']}"
    heading = (
        f"{where}: trained weights and the theory's; in brackets the mean after permuting "
        f"poses and fitting again, * where p < {SIGNIFICANT:g}"
    )
    halves = (
        "predicted: each half of the units from the other, by the theory with its constants fitted "
        "to it, and by turning alone"
    )
    shown = plain_table()
    shown.add_column("weights", overflow="fold")
    for figure in FIGURES:
        shown.add_column(figure, no_wrap=True, justify="right")
    for pair in explained.pairs:
        shown.add_row(Text(title(pair), style="bold"))
        for row, agreement in rows(pair).items():
            shown.add_row(f"  {ROWS[row]}", *(_cell(agreement[figure]) for figure in FIGURES))
    worst = [Text(_worst(pair)) for pair in explained.pairs]
    unturned = sorted({pair.families[1] for pair in explained.pairs if pair.predicted is None})
    why = [Text(f"{name}: {reason}", style="dim") for name, reason in explained.left_out.items()]
    return Group(
        Text(heading),
        Text(halves),
        shown,
        Text("largest errors, trained and theory's weight:"),
        *worst,
        *([Text(UNTURNED.format(", ".join(unturned)), style="dim")] if unturned else []),
        *why,
    )


def rows(pair: PairExplained) -> dict[str, Mapping[str, Agreement]]:
    """The figures of a pair by the rows of the table."""
    fitted = {f"fitted {name}": agreement for name, agreement in pair.fitted.items()}
    return {
        "theory": pair.theory,
        "other half": pair.other_half,
        **fitted,
        **(pair.predicted or {}),
    }


def title(pair: PairExplained) -> str:
    """`early_curve at mixed3a → curve at mixed3b, 11 x 18 units, 30 % of what these read`."""
    down, up = (
        f"{family} at {site}" for family, site in zip(pair.families, pair.sites, strict=True)
    )
    through = ", through a pool" if pair.pooled else ""
    units = f"{len(pair.upstream)} x {len(pair.downstream)} units"
    return f"{up} → {down}, {units}, {number(100 * pair.share, 0)} % of what these read{through}"


def _cell(agreement: Agreement) -> str:
    star = "*" if agreement.p < SIGNIFICANT else " "
    return f"{number(agreement.value, 2)}{star} ({number(agreement.permuted, 2)})"


def _worst(pair: PairExplained) -> str:
    weights = []
    for wrong in pair.worst[:SHOWN]:
        x, y = wrong.at_px
        values = f"{number(wrong.trained, 2)}, {number(wrong.theory, 2)}"
        weights.append(f"{wrong.upstream} → {wrong.downstream} at ({x:g}, {y:g}) px {values}")
    return "  " + "; ".join(weights)
