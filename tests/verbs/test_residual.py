"""`workbench residual` from end to end, on a planted network: a family that was taken out of a good theory is named, of the good one nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread
from rich.console import Console

from tests.planted import SITE, UNITS
from tests.verbs.test_claims import THEORY_OF_LATE, Planted, write_late
from workbench.errors import WorkbenchError
from workbench.evaluate.residual import AROUND, Remains
from workbench.pictures.drawn import drawn
from workbench.report.residual import residual_table
from workbench.score.residual import Candidate, Regression, Residual, clustered, factorised, residual_json
from workbench.survey import probes
from workbench.verbs import loaded as main_path
from workbench.verbs import residual as verb
from workbench.verbs.residual import residual

PICTURES = 24
READS_CURVES = "curve: {along: arc, radius_px: 24, spread_px: 5, extent_px: 10, match: same, harmonics: [0, 0.6, 0.3]}"
READS_GABORS = "gabor: {along: arc, radius_px: 24, spread_px: 5, extent_px: 10, match: tangent, harmonics: [0, 0.6, 0.3]}"
WITHOUT_CURVES = THEORY_OF_LATE.replace(READS_CURVES, READS_GABORS)
NEAR = (2 * AROUND + 1) ** 2


def run_on(folder: Path, planted: Planted, monkeypatch: pytest.MonkeyPatch, text: str, count: int = PICTURES) -> Residual:
    """On few drawn stimuli; the units speak half of the time, so that what is left is seen often enough."""
    (folder / "late-spec.yaml").write_text(text)
    planted.host.module("consumers")[0].bias.zero_()
    monkeypatch.setattr(verb, "tuning", lambda *words, **more: probes.tuning(*words, contours=probes.PLAIN[:2], waves=(), **more))
    monkeypatch.setattr(main_path, "load", lambda name: planted.host)
    monkeypatch.setattr(main_path, "answers", lambda *_: None)
    monkeypatch.setattr(main_path, "nearest", lambda _: dict.fromkeys(planted.host.sites))  # the files name every unit
    monkeypatch.setattr("workbench.evaluate.claimed.matched", lambda *_: [])
    bound, pictures, calibration = {"curve": planted.files["early"]}, drawn(count, seed=3), drawn(PICTURES, seed=1)
    return residual(
        folder / "late-spec.yaml", planted.files["late"], bound, pictures, calibration, folder / "out", lambda *_: lambda _: None
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Residual, Path]:
    assert WITHOUT_CURVES != THEORY_OF_LATE
    folder = tmp_path_factory.mktemp("residual")
    with pytest.MonkeyPatch.context() as patch:
        return run_on(folder, write_late(folder), patch, WITHOUT_CURVES), folder / "out"


def test_a_family_that_was_taken_out_is_the_suggestion(run):
    best = run[0].suggestion
    assert best is run[0].candidates[0]
    assert (best.name, best.read) == (f"curve at {SITE}", False)
    assert best.channels == tuple(f"{SITE}:{unit.unit}" for unit in UNITS)
    assert best.explained > 0.3 > 3 * best.highest
    assert run[0].before == SITE
    assert np.mean(list(run[0].left.values())) > 0.2


def test_directions_are_of_the_family_that_was_taken_out(run):
    directions = [each for each in run[0].candidates if each.missing]
    assert {each.missing for each in directions} == {"excitation", "inhibition"}
    assert all(each.families["curve"] > 0.9 for each in directions)
    assert all(not each.read and each.units for each in directions)


def test_of_the_whole_theory_nothing_is_left_and_nothing_suggested(tmp_path, monkeypatch):
    found = run_on(tmp_path, write_late(tmp_path), monkeypatch, THEORY_OF_LATE)
    assert max(found.left.values()) < 1e-3
    assert found.suggestion is None


def test_the_document_the_picture_and_the_table_are_written_and_the_same_again(run, tmp_path, monkeypatch):
    found, output = run
    assert sorted(path.name for path in output.iterdir()) == ["residual.json", "residual.png"]
    document = json.loads((output / "residual.json").read_text())
    assert document["format"] == 1
    assert document["candidates"][0]["name"] == f"curve at {SITE}"
    assert len(document["kinds"]) == 2
    assert imread(output / "residual.png").std() > 0
    console = Console(record=True, width=120)
    console.print(residual_table(found))
    assert f"suggestion: read curve at {SITE}, 6 channels" in console.export_text()
    assert residual_json(run_on(tmp_path, write_late(tmp_path), monkeypatch, WITHOUT_CURVES)) == residual_json(found)


def test_one_picture_is_refused(tmp_path, monkeypatch):
    with pytest.raises(WorkbenchError, match="1 pictures, planted before consumers"):
        run_on(tmp_path, write_late(tmp_path), monkeypatch, THEORY_OF_LATE, count=1)


def cells(seed: int = 0) -> Remains:
    """600 cells of 20 pictures: unit 0 misses what channels 2 and 3 excite in the middle of their surroundings, unit 1 what channel 5 inhibits."""
    generator = np.random.default_rng(seed)
    before = np.maximum(0, generator.normal(size=(600, 8, NEAR)))
    middle = before[:, :, NEAR // 2]
    residual = np.stack([middle[:, 2] + middle[:, 3], -middle[:, 5]], 1) + 0.1 * generator.normal(size=(600, 2))
    at = np.stack([np.arange(600) % 12, np.arange(600) // 50], 1)
    return Remains(residual, np.abs(residual), before, middle, np.repeat(np.arange(20), 30), at)


def test_least_squares_know_the_channels_that_remain_and_no_others():
    regression = Regression.of(cells(), seed=0)
    assert regression.explained([2, 3, 5]) > 0.6
    assert regression.explained([2, 3]) == pytest.approx(0.5 * regression.explained([2, 3, 5]), abs=0.25)
    assert regression.explained([0, 1, 4]) < 0.1
    assert max(regression.random([2, 3, 5])) < 0.1  # of the five others


def test_factors_tell_missing_excitation_from_missing_inhibition_and_whose():
    found = factorised(cells())
    weight = found.units.sum(1) * found.channels.sum(1)
    excited, inhibited = (np.flatnonzero((found.signs == sign) & (weight > 0.1 * weight.sum())) for sign in (1, -1))
    assert len(excited)
    assert len(inhibited)
    assert {int(found.units[k].argmax()) for k in excited} == {0}
    assert {int(found.channels[k].argmax()) for k in excited} <= {2, 3}
    assert {int(found.units[k].argmax()) for k in inhibited} == {1}
    assert {int(found.channels[k].argmax()) for k in inhibited} == {5}


def test_a_cell_falls_to_the_direction_that_its_residual_and_its_channels_are_of():
    remains, found = cells(), factorised(cells())
    scores = clustered(found, remains)
    assert scores.min() >= 0
    strong = remains.residual[:, 0] > 3
    assert strong.any()
    best = scores[strong].argmax(1)
    assert set(found.signs[best]) == {1}


def test_a_candidate_is_a_suggestion_only_if_it_is_new_and_beats_every_random_group():
    def candidate(read: bool, explained: float, highest: float) -> Candidate:
        return Candidate("a", (), read, explained, 0.0, highest, {})

    assert candidate(False, 0.2, 0.1).named
    assert not candidate(True, 0.2, 0.1).named
    assert not candidate(False, 0.1, 0.1).named
    assert not candidate(False, -0.1, -0.2).named
