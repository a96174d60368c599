"""Diff -> the tables that a terminal shows."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.analyses.diff.figures import Diff
from workbench.report.conditions import NO_OUTPUT, interval, number
from workbench.report.plain import plain_table


def diff_table(result: Diff) -> Group:
    """Both networks, every matched pair, and every difference in words."""
    counts = [f"{len(result.only_a)} only in A, {len(result.only_b)} only in B"]
    counts += [
        f"{len(units)} silent in {network}"
        for network, units in (("A", result.silent_a), ("B", result.silent_b))
        if units
    ]
    pairs = Text(f"{len(result.pairs)} units are in both; {', '.join(counts)}", style="bold")
    named = [Text(f"  {words}") for words in result.named] or [Text("  none")]
    return Group(
        *(_host(result, name) for name in ("a", "b")),
        pairs,
        _pairs(result),
        Text("differences:", style="bold"),
        *named,
    )


def _host(result: Diff, name: str) -> Text:
    host = result.hosts[name]
    lost, recovered = host["lost"], host["recovered"]
    if lost["value"] is None:
        effect = f"the effect of their ablation is {NO_OUTPUT}"
    else:
        effect = f"ablating them costs KL {number(lost['value'], 3)}"
    if recovered["value"] is not None:
        share = f"{number(recovered['value'], 2)} ({interval(recovered['ci95'])})"
        effect += f", of which the handwritten units recover {share}"
    return Text(f"{name.upper()}  {host['name']}:{host['site']}, {host['units']} units; {effect}")


def _pairs(result: Diff) -> Table:
    """Matched pairs, a row each: A's figures next to B's."""
    shown = plain_table()
    for title in ("A", "B"):
        shown.add_column(f"\n{title}", overflow="fold")
    for title in (
        "\nalike",
        "pose\nA",
        "\nB",
        "radius\nA",
        "\nB",
        "width\nA",
        "\nB",
        "\nlargest change of a weight",
    ):
        shown.add_column(
            title, justify="right" if "change" not in title else "left", overflow="fold"
        )
    for pair in result.pairs:
        poses, radii, widths = (
            [number(value, 0) for value in values]
            for values in (pair.pose_deg, pair.radius_px, pair.width_deg)
        )
        term = max(pair.parts, key=lambda name: abs(pair.parts[name]))
        change = f"{term} {'+' if pair.parts[term] > 0 else ''}{number(pair.parts[term], 2)}"
        shown.add_row(pair.a, pair.b, number(pair.likeness, 2), *poses, *radii, *widths, change)
    return shown
