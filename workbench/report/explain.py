"""Explained weights -> the table that a terminal shows."""

from collections.abc import Mapping

from rich.console import Group
from rich.text import Text

from workbench.evaluate.foretold import BY_TURNS, SIDES
from workbench.report.conditions import number
from workbench.report.plain import plain_table
from workbench.score.explain import Agreement, Explained, PairExplained

SHOWN = 3  # of the weights that the theory gets most wrong
FIGURES = ("explained", "cosine", "sign", "rank")
ROWS = {
    "theory": "the theory, one scale",
    "other half": "the same, of the other half",
    f"fitted {BY_TURNS}": "foretold: fitted, by turns",
    f"fitted {SIDES}": "foretold: fitted, one side",
    BY_TURNS: "foretold: turned, by turns",
    SIDES: "foretold: turned, one side",
}


def explain_table(explained: Explained) -> Group:
    """For each pair of families six rows, and the weights that the theory gets most wrong."""
    where = f"{explained.spec['theory']} on {explained.host['name']}:{explained.circuit['site']}"
    said = f"{where}: trained weights against the theory's; in brackets the mean with permuted poses, fitted anew, * where p < 0.05"
    halves = "foretold: each half of the units from the other, by the theory with its constants fitted to it, and by turning alone"
    shown = plain_table()
    shown.add_column("weights", overflow="fold")
    for figure in FIGURES:
        shown.add_column(figure, no_wrap=True, justify="right")
    for pair in explained.pairs:
        shown.add_row(Text(title(pair), style="bold"))
        for row, agreement in rows(pair).items():
            shown.add_row(f"  {ROWS[row]}", *(_cell(agreement[figure]) for figure in FIGURES))
    worst = [Text(_worst(pair)) for pair in explained.pairs]
    why = [Text(f"{name}: {said}", style="dim") for name, said in explained.left_out.items()]
    return Group(Text(said), Text(halves), shown, Text("most wrong, trained against the theory's:"), *worst, *why)


def rows(pair: PairExplained) -> dict[str, Mapping[str, Agreement]]:
    """The figures of a pair by the rows of the table."""
    fitted = {f"fitted {name}": agreement for name, agreement in pair.fitted.items()}
    return {"theory": pair.theory, "other half": pair.other_half, **fitted, **pair.foretold}


def title(pair: PairExplained) -> str:
    """`early_curve at mixed3a → curve at mixed3b, 11 x 18 units, 30 % of what these read`."""
    down, up = (f"{family} at {site}" for family, site in zip(pair.families, pair.sites, strict=True))
    through = ", through a pool" if pair.pooled else ""
    return (
        f"{up} → {down}, {len(pair.upstream)} x {len(pair.downstream)} units, {number(100 * pair.share, 0)} % of what these read{through}"
    )


def _cell(agreement: Agreement) -> str:
    return f"{number(agreement.value, 2)}{'*' if agreement.p < 0.05 else ' '} ({number(agreement.permuted, 2)})"


def _worst(pair: PairExplained) -> str:
    said = []
    for wrong in pair.worst[:SHOWN]:
        x, y = wrong.at_px
        said.append(f"{wrong.upstream} → {wrong.downstream} at ({x:g}, {y:g}) px {number(wrong.trained, 2)}, {number(wrong.theory, 2)}")
    return "  " + "; ".join(said)
