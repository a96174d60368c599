"""Responses that stay in memory: the same drives to the bit, and no layer is run in vain."""

from collections import Counter
from functools import cache

import pytest
import torch

from tests.elsewhere import elsewhere
from tests.planted import INPUT, THEORY, THEORY_OF_LATE, PlantedHost, planted
from workbench.compiler import compile_spec
from workbench.compiler import respond as module
from workbench.compiler.kept import KeptResponses
from workbench.compiler.respond import Responses, drives
from workbench.spec import theory_from_text
from workbench.vision.pictures.drawn import drawn

LIMIT = 64 << 20
PLENTY = 1 << 30


@pytest.fixture
def kept(monkeypatch) -> KeptResponses:
    host()  # which runs a circuit
    store = KeptResponses(LIMIT)
    monkeypatch.setattr(module, "KEPT", store)
    monkeypatch.setattr("workbench.compiler.kept.LARGEST", PLENTY)
    return store


@pytest.fixture
def run(kept, monkeypatch) -> Counter:
    """How often each family was run."""
    runs: Counter = Counter()
    add_by = Responses.add_by

    def counted(self, planned):
        runs[planned.layer.family] += 1
        add_by(self, planned)

    monkeypatch.setattr(Responses, "add_by", counted)
    return runs


@cache
def host() -> PlantedHost:
    return planted()


def circuit(text: str):
    return compile_spec(theory_from_text(text), host().trained, host().host)


def pictures(seed: int) -> torch.Tensor:
    return INPUT.decode(INPUT.batch(drawn(6, seed=seed)))


def drive_of(text: str, seed: int = 0) -> torch.Tensor:
    with torch.inference_mode():
        return drives({"": circuit(text)}, pictures(seed), INPUT.mean_rgb)[""]


LAST = THEORY.replace("tune: -0.3", "tune: -0.6")
FIRST = THEORY.replace("tune: 6", "tune: 7")


def test_an_edit_of_the_last_family_runs_no_other(kept, run, monkeypatch):
    drive_of(THEORY)
    assert run == {"gabor": 2}  # two chunks
    edited = drive_of(LAST)
    assert run == {"gabor": 2}
    monkeypatch.setattr(module, "KEPT", KeptResponses())
    assert torch.equal(edited, drive_of(LAST))
    assert run == {"gabor": 4}


@pytest.mark.parametrize(("text", "seed"), [(FIRST, 0), (THEORY, 1)])
def test_another_layer_or_other_pictures_are_run(kept, run, monkeypatch, text, seed):
    drive_of(THEORY)
    other = drive_of(text, seed)
    assert run == {"gabor": 4}
    monkeypatch.setattr(module, "KEPT", KeptResponses())
    assert torch.equal(other, drive_of(text, seed))


def test_layers_that_only_kept_ones_read_are_not_run(kept, run, monkeypatch):
    monkeypatch.setattr("workbench.compiler.kept.LARGEST", 10_000)
    late = THEORY_OF_LATE.replace("  curve:", "  early:").replace(
        "      curve: {", "      early: {"
    )
    late = late.replace("  late:", "  curve:")
    first = drive_of(late)
    assert run == {"gabor": 2, "early": 2}
    again = drive_of(late)
    assert run == {"gabor": 2, "early": 2}, "gabor is too large to keep, and is not needed"
    assert torch.equal(first, again)


def test_no_more_than_the_limit_is_kept_and_nothing_without_one(kept):
    drive_of(THEORY)
    one = kept.bytes
    assert 0 < one <= LIMIT
    drive_of(FIRST)
    assert kept.bytes == one, "those of the last call alone"
    kept.limit = one
    drive_of(THEORY, seed=1)
    assert 0 < kept.bytes <= one
    none = KeptResponses()
    none.keep(none.name_of([torch.zeros(1)]), {"key": (torch.zeros(1, 1), ())})
    assert none.bytes == 0


def test_nothing_is_kept_or_used_outside_a_block(kept, run):
    kept.limit = 0
    with kept.keeping(LIMIT):
        drive_of(THEORY)
    runs, held = run.total(), kept.bytes
    assert held > 0
    drive_of(THEORY)
    assert (run.total(), kept.bytes) == (2 * runs, held)
    with kept.keeping(LIMIT):
        drive_of(THEORY)
    assert run.total() == 2 * runs


def test_the_same_pictures_on_another_device_are_other_pictures(kept):
    picture = torch.ones(1, 3, 4, 4)
    with elsewhere() as device:
        assert kept.name_of([picture]) != kept.name_of([picture.to(device)])
