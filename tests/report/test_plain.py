"""Tables in narrow terminals: every row can be told apart, and no figure is cut."""

import io
import re

import pytest
from rich.console import Console

from tests.report import cards
from workbench.report import table
from workbench.report.plain import plain_table

WIDTHS = (40, 80)


def shown(renderable: object, width: int) -> str:
    console = Console(width=width, file=io.StringIO())
    console.print(renderable)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    return text


@pytest.mark.parametrize("width", WIDTHS)
def test_scorecard_rows_are_told_apart_and_no_figure_is_cut(width):
    card = cards.card()
    text = shown(table(card), width)
    assert "…" not in text
    for name in card.conditions:
        assert re.search(rf"^{re.escape(name)}\b", text, re.MULTILINE), name


@pytest.mark.parametrize("width", WIDTHS)
def test_plain_table_names_with_a_common_beginning_are_told_apart(width):
    made = plain_table(title="a title")
    made.add_column("\ncondition", overflow="fold")
    for title in ("first-\nhost", "mean\nPearson", "95 %"):
        made.add_column(title, no_wrap=True, justify="right")
    names = [f"variant.a-long-name-that-begins-alike-{i}" for i in range(3)]
    for name in names:
        made.add_row(name, "0.123456", "[bold]0.5[/bold]", "0.1 to 0.9")
    text = shown(made, width)
    joined = re.sub(r"\s", "", text)
    assert text.count("0.123456") == 3
    assert "a title" in text
    if width == 40:
        assert all(name in text.splitlines() for name in names)
        assert "first-host 0.123456, mean Pearson 0.5" in " ".join(text.split())
    else:
        assert all(f"alike-{i}" in joined or str(i) in joined for i in range(3))


def test_plain_table_fits_where_it_fitted():
    made = plain_table()
    made.add_column("unit", overflow="fold")
    made.add_column("figure", no_wrap=True)
    made.add_row("a", "1")
    assert shown(made, 40).split() == ["unit", "figure", "a", "1"]
