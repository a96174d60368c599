"""One report, written once, that the tests of this folder read."""

import sys
from pathlib import Path

import pytest

from workbench.report import write_report

sys.path.append(
    str(Path(__file__).parent)
)  # pytest's importlib mode leaves it out; the tests import cards.py

import cards


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("report")
    write_report(
        made,
        cards.card(),
        [cards.spec()],
        [cards.circuit()],
        [cards.curves()],
        cards.examples(),
        [cards.visualised()],
        "workbench score made-up.yaml",
    )
    return made
