"""Diff -> the tables that a terminal shows."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from workbench.report.conditions import NO_OUTPUT, interval, number
from workbench.report.plain import plain_table
from workbench.score.diff import Diff


def diff_table(found: Diff) -> Group:
    """Both networks, every matched pair, and every difference by name."""
    counts = [f"{len(found.only_a)} only in A, {len(found.only_b)} only in B"]
    counts += [f"{len(units)} silent in {network}" for network, units in (("A", found.silent_a), ("B", found.silent_b)) if units]
    pairs = Text(f"{len(found.pairs)} units are in both; {', '.join(counts)}", style="bold")
    named = [Text(f"  {said}") for said in found.named] or [Text("  none")]
    return Group(*(_host(found, name) for name in ("a", "b")), pairs, _pairs(found), Text("differences:", style="bold"), *named)


def _host(found: Diff, name: str) -> Text:
    host = found.hosts[name]
    lost, back = host["lost"], host["recovered"]
    worth = f"silencing them costs KL {number(lost['value'], 3)}"
    if back["value"] is not None:
        worth += f", of which the handwritten recover {number(back['value'], 2)} ({interval(back['ci95'])})"
    worth = worth if lost["value"] is not None else f"what they are worth is {NO_OUTPUT}"
    return Text(f"{name.upper()}  {host['name']}:{host['site']}, {host['units']} units; {worth}")


def _pairs(found: Diff) -> Table:
    """Of A and B beside each other."""
    shown = plain_table()
    for title in ("A", "B"):
        shown.add_column(f"\n{title}", overflow="fold")
    for title in ("like-\nness", "pose\nA", "\nB", "radius\nA", "\nB", "width\nA", "\nB", "\nlargest change of a weight"):
        shown.add_column(title, justify="right" if "change" not in title else "left", overflow="fold")
    for pair in found.pairs:
        poses, radii, widths = ((number(x, 0) for x in values) for values in (pair.pose_deg, pair.radius_px, pair.width_deg))
        term = max(pair.parts, key=lambda name: abs(pair.parts[name]))
        change = f"{term} {'+' if pair.parts[term] > 0 else ''}{number(pair.parts[term], 2)}"
        shown.add_row(pair.a, pair.b, number(pair.likeness, 2), *poses, *radii, *widths, change)
    return shown
