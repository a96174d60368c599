"""The table of `workbench claims`."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.text import Text

from workbench.analyses.claims.figures import Claims, Measured, Outcome
from workbench.report.claims import bound_text
from workbench.report.conditions import MISSING, number
from workbench.report.plain import plain_table
from workbench.spec.language import INPUT

DIGITS = {"width_deg": 0}  # of that figure; others have 2
EDITS_OF_INPUT = "edits of input need a sign, and a first stage of one convolution and a ReLU"


def claims_table(claims: Claims) -> Group:
    """A heading, a row for each claim, and how many came true. Fits 80 columns."""
    facts = claims.header
    where = f"{facts.spec['theory']} on {facts.host['name']}:{facts.circuit['site']}"
    shown = plain_table()
    shown.add_column("\nclaim", min_width=28, overflow="fold")
    for title in ("trained:\nfigure", "\ntrue?", "handwritten:\nfigure", "\ntrue?", "\nagree?"):
        shown.add_column(title, no_wrap=True)
    for outcome in claims.claims:
        shown.add_row(*_cells(outcome))
    heading = Text(f"{where}: means over {len(claims.units)} units, and in how many each holds")
    return Group(heading, shown, Text(_summary(claims)), *_every_weight(claims), *_untested(claims))


def _cells(outcome: Outcome) -> tuple[str, ...]:
    claim = f"{outcome.claim}: {edit_text(outcome.edit)}; {expect_text(outcome.expect)}"
    trained = (
        (change(outcome, outcome.trained), _lines(outcome.trained))
        if outcome.trained
        else ("not tested", MISSING)
    )
    agree = {None: MISSING, True: "yes", False: "no"}[outcome.agree]
    return (
        claim,
        *trained,
        change(outcome, outcome.handwritten),
        _lines(outcome.handwritten),
        agree,
    )


def _lines(measured: Measured) -> str:
    return verdict(measured).replace(", ", "\n")


def _summary(claims: Claims) -> str:
    tested = [outcome for outcome in claims.claims if outcome.trained]
    true = sum(outcome.trained.came_true for outcome in tested if outcome.trained)
    handwritten = sum(outcome.handwritten.came_true for outcome in claims.claims)
    agree = sum(bool(outcome.agree) for outcome in tested)
    return (
        f"came true: trained {true} of {len(tested)}, handwritten {handwritten} of "
        f"{len(claims.claims)}; the two agree on {agree} of {len(tested)}"
    )


def edit_text(edit: Mapping[str, Any]) -> str:
    """`without negative early_curve`."""
    (way,) = (name for name in ("without", "only") if name in edit)
    return " ".join([way, *([edit["sign"]] if "sign" in edit else []), " + ".join(edit[way])])


def expect_text(expect: Mapping[str, Any]) -> str:
    """`mean echo above 0.1`."""
    radius = "" if expect["radius"] == "mean" else f" at the {expect['radius']} radius"
    return f"{expect['of']} {expect['figure']}{radius} {bound_text(expect)}"


def change(outcome: Outcome, measured: Measured) -> str:
    """`0.01 → 0.28`."""
    digits = DIGITS.get(outcome.expect["figure"], 2)
    return f"{number(measured.before, digits)} → {number(measured.after, digits)}"


def verdict(measured: Measured) -> str:
    """`yes 17/18`, and how many of the units fell silent."""
    silent = f", {measured.silent} silent" if measured.silent else ""
    verdict, units = "yes" if measured.came_true else "no", len(measured.unit_figures)
    return f"{verdict} {measured.holds}/{units}{silent}"


def _every_weight(claims: Claims) -> list[Text]:
    sites = dict.fromkeys(one.every_weight_from for one in claims.claims if one.every_weight_from)
    names = {
        site: ", ".join(one.claim for one in claims.claims if one.every_weight_from == site)
        for site in sites
    }
    return [
        Text(
            "in the trained network edits of the weights from "
            f"{'the picture' if site == INPUT else f'every unit of {site}'}: {edited}"
        )
        for site, edited in names.items()
    ]


def _untested(claims: Claims) -> list[Text]:
    untested = [one for one in claims.claims if one.trained is None]
    families = dict.fromkeys(family for one in untested for family in one.unbound)
    names = {
        family: ", ".join(one.claim for one in untested if family in one.unbound)
        for family in families
    }
    return [
        Text(f"not tested in the trained network: {claimed}. {_remedy(family)}")
        for family, claimed in names.items()
    ]


def _remedy(family: str) -> str:
    if family == INPUT:
        return f"There {EDITS_OF_INPUT}"
    return f"Name trained units of {family}: --use-trained {family}=FILE"
