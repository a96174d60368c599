"""The tables of `workbench unexplained` for a theory of tokens."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.report.conditions import interval, number
from workbench.report.plain import plain_table
from workbench.sequences.analyses.unexplained.figures import TokenUnexplained

MOST = 12  # rows of each table; the document has all


def table(result: TokenUnexplained) -> Group:
    """Heads, terms and units outside the theory, the largest first, and what to add next."""
    return Group(
        Text(result.opened.title, "bold"),
        Text(
            "Each head handwritten alone: what is lost, what uniform attention loses, and the "
            "offset of the largest difference (trained less handwritten mean attention)"
        ),
        _heads(result),
        *_neurons(result),
        Text(),
        *_terms(result),
        Text(),
        *_outside(result),
        Text(suggestion(result), "bold"),
    )


def _heads(result: TokenUnexplained) -> Table:
    label = result.opened.host.output.headline.label
    shown = plain_table()
    shown.add_column("\nhead", no_wrap=True)
    for title in (f"rule:\n{label}", f"uniform:\n{label}", "share\nleft", "\n95 %", "\noverlap"):
        shown.add_column(title, no_wrap=True, justify="right")
    shown.add_column("most missed\noffset", no_wrap=True, justify="right")
    for head in result.heads[:MOST]:
        offset, difference = head.residual.worst_offset
        shown.add_row(
            f"{head.family} {head.head}",
            number(head.lost.value, 4),
            number(head.uniform.value, 4),
            number(head.left.value, 2),
            interval(head.left.ci95),
            number(head.overlap, 2),
            f"{number(offset, 0)} ({number(difference, 3)})",
        )
    return shown


def _neurons(result: TokenUnexplained) -> list[Text | Table]:
    """The table of frequencies, with a heading; nothing for a theory without neurons."""
    if not result.neurons:
        return []
    label = result.opened.host.output.headline.label
    shown = plain_table()
    for title in ("\nfamily", "\nfrequency", "\nneurons"):
        shown.add_column(title, no_wrap=True)
    for title in (f"rule:\n{label}", f"ablated:\n{label}", "share\nleft", "\n95 %"):
        shown.add_column(title, no_wrap=True, justify="right")
    for row in result.neurons[:MOST]:
        shown.add_row(
            row.family,
            str(row.frequency),
            str(row.neurons),
            number(row.lost.value, 4),
            number(row.ablated.value, 4),
            number(row.left.value, 2),
            interval(row.left.ci95),
        )
    heading = "Neurons of each frequency handwritten alone, and at their cheapest ablation"
    return [Text(), Text(heading), shown]


def _terms(result: TokenUnexplained) -> list[Text | Table]:
    """The table of terms, with a heading; a sentence where none is fitted."""
    if not result.terms:
        return [Text("No further term is fitted: the prompts are short, or the rule has them all")]
    shown = plain_table()
    shown.add_column("\nfamily", overflow="fold")
    shown.add_column("\nterm", overflow="fold")
    for title in ("gain in\noverlap", "\n95 %", "head that\ngains most", "its\ngain"):
        shown.add_column(title, no_wrap=True, justify="right")
    for term in result.terms[:MOST]:
        figure = term.gain_in_overlap
        shown.add_row(
            term.family,
            term.words,
            number(figure.value, 3),
            interval(figure.ci95, 3),
            term.head,
            number(term.of_head, 3),
        )
    heading = "Terms that the rule of a family lacks: attention that they add to the overlap"
    return [Text(heading), shown]


def _outside(result: TokenUnexplained) -> list[Text | Table]:
    if not result.outside:
        return [Text("the theory speaks of every head and neuron")]
    label = result.opened.host.output.headline.label
    figures = ", ".join(f"{key} {number(f.value, 3)}" for key, f in result.alone.items())
    shown = plain_table()
    shown.add_column("\nunit outside the theory", overflow="fold")
    for title in (f"alone at its\nmean: {label}", "\n95 %", f"restores\n{label}", "\n95 %"):
        shown.add_column(title, no_wrap=True, justify="right")
    for unit in result.outside[:MOST]:
        shown.add_row(
            unit.name,
            number(unit.without.value, 4),
            interval(unit.without.ci95, 3),
            number(unit.restores.value, 4),
            interval(unit.restores.ci95, 3),
        )
    return [Text(f"Everything outside the theory at its mean: {figures}"), shown]


def suggestion(result: TokenUnexplained) -> str:
    """A sentence on the term and the unit to add next."""
    term, unit = result.suggested_term, result.suggested_unit
    words = []
    if term:
        gain = number(term.gain_in_overlap.value, 3)
        words.append(f"add {{{term.words}}} to {term.family} (overlap +{gain})")
    if unit:
        words.append(f"explain {unit.name}")
    return f"suggestion: {'; '.join(words)}" if words else "no suggestion: nothing is clearly left"
