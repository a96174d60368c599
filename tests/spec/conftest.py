"""The example of specs/README.md is the spec that these tests vary."""

import re
from pathlib import Path

import pytest

from workbench.spec import SpecError, theory_from_text

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="session")
def specs() -> Path:
    return SPECS


@pytest.fixture(scope="session")
def arcs() -> str:
    """Text of the README's example."""
    (example,) = re.findall(
        r"```yaml\n(.*?)```", (SPECS / "README.md").read_text(), flags=re.DOTALL
    )
    return example


@pytest.fixture
def problems_after(arcs):
    """Problems of the example after `old` (there exactly once) became `new`."""

    def after(old: str, new: str) -> list[str]:
        assert arcs.count(old) == 1
        with pytest.raises(SpecError) as caught:
            theory_from_text(arcs.replace(old, new), "arcs.yaml")
        return str(caught.value).splitlines()

    return after
