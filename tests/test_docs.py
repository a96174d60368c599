"""The documentation and the program agree: commands, pages, names and links."""

import re
from pathlib import Path

import pytest

from workbench.analyses.registry import ANALYSES
from workbench.cli.commands import COMMANDS, RENAMED, RENAMED_OPTIONS, command_table

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "specs").glob("*.*ml")),
    ROOT / "specs" / "README.md",
]  # the changelog names what was renamed
OLD_PAGES = ("induct.md", "layers-json.md", "residual.md", "written-host.md", "frontier-json.md")
OLD_CONDITIONS = ("bound.", "beside.", "control.affine", "control.regression")


def test_the_index_has_the_table_of_commands():
    index = (ROOT / "docs" / "README.md").read_text()
    assert [line for line in command_table().splitlines() if line not in index] == []


def test_the_index_names_every_page():
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {file.name for file in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {name for name in pages if f"({name})" not in index} == set()


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_every_command_has_a_page_that_names_it(row):
    page = (ROOT / "docs" / row.page).read_text()
    assert re.search(rf"workbench {row.name}\b", page)


@pytest.mark.parametrize("row", [row for row in ANALYSES if row.help], ids=lambda row: row.name)
def test_every_analysis_has_a_page_of_its_name(row):
    assert (ROOT / "docs" / f"{row.name}.md").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_uses_an_earlier_name(page):
    text = page.read_text()
    commands = [f"workbench {old}" for old in RENAMED]
    words = [*commands, *RENAMED_OPTIONS, *OLD_PAGES]
    used = [word for word in words if re.search(rf"{re.escape(word)}(?![\w-])", text)]
    rows = [row for row in OLD_CONDITIONS if re.search(rf"(`|^ +){re.escape(row)}", text, re.M)]
    assert used + rows == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page):
    """Links, and paths of this repository in code font; names in capitals stand for others."""
    text = page.read_text()
    links = [page.parent / link for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text)]
    tops = "workbench|tests|docs|specs|circuits"
    paths = re.findall(rf"`((?:{tops})/[\w./-]+\.(?:py|md|yaml|json))`", text)
    named = [ROOT / path for path in paths if not re.search(r"/[A-Z]+(/|\.)", path)]
    assert [file for file in (*links, *named) if not file.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_have_as_many_cells_in_each_row(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    cells, wrong = 0, []
    for line in text.splitlines():
        if not line.startswith("|"):
            if cells and line.strip():
                wrong.append(line)
            cells = 0
            continue
        count = re.sub(r"`[^`]*`", "", line).replace("\\|", "").count("|")
        if cells and count != cells:
            wrong.append(line)
        cells = count
    assert wrong == []
