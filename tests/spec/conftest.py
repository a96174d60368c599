"""The theory `arcs.yaml` is the spec that these tests vary."""

from pathlib import Path

import pytest

from workbench.spec import SpecError, theory_from_text

SPECS = Path(__file__).parents[2] / "specs"


@pytest.fixture(scope="session")
def specs() -> Path:
    return SPECS


@pytest.fixture(scope="session")
def arcs() -> str:
    """Text of the theory."""
    return (Path(__file__).parent / "arcs.yaml").read_text()


@pytest.fixture
def problems_after(arcs):
    """Problems of the example after `old` (there exactly once) became `new`."""

    def after(old: str, new: str) -> list[str]:
        assert arcs.count(old) == 1
        with pytest.raises(SpecError) as caught:
            theory_from_text(arcs.replace(old, new), "arcs.yaml")
        return str(caught.value).splitlines()

    return after
