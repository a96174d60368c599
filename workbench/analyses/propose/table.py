"""Proposal -> the lines that a terminal shows."""

from rich.console import Group
from rich.text import Text

from workbench.analyses.propose.figures import Proposal
from workbench.report.conditions import number
from workbench.report.plain import plain_table
from workbench.score.facts import header_facts


def proposal_table(result: Proposal) -> Group:
    """The search in a line, the correlation next to the controls, and the terms."""
    facts, at = header_facts(result.header), result.atoms - 1
    lead = (
        f"{facts['spec']['theory']} on {facts['host']['name']}: {len(result.terms)} terms of "
        f"{result.atoms} atoms, of {result.candidates:,} candidates; mean Pearson of units on "
        "held-out pictures:"
    )
    rows = (
        ("proposed terms", result.pearson[at]),
        ("the same search, upstream units permuted", result.labels_permuted[at]),
        ("the same search, poses permuted", result.poses_permuted[at]),
        ("the theory as it was", result.before),
    )
    shown = plain_table(show_header=False)
    shown.add_column("")
    shown.add_column("", justify="right")
    for words, value in rows:
        shown.add_row(words, number(value, 2))
    listed = plain_table()
    for column in ("reads", "along", "match"):
        listed.add_column(column)
    listed.add_column("weight of the poses, by harmonic", overflow="fold")
    for family, term in result.terms:
        weights = term["harmonics"] if "harmonics" in term else [term["gain"]]
        values = ", ".join(f"{w['tune'] if isinstance(w, dict) else w:.2g}" for w in weights)
        listed.add_row(family, term["along"], term["match"], values)
    bits = f"description length: {result.bits['proposed']:,} bits, before {result.bits['before']:,}"
    return Group(Text(lead), shown, Text(), listed, Text(bits))
