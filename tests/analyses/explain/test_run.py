"""`workbench explain` on planted weights: the planted theory predicts them, wrong ones do not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from rich.console import Console

from tests.interrupted import quiet
from tests.planted import SITE, THEORY, THEORY_OF_LATE, PlantedLate, write_late
from workbench.analyses.explain.figures import Explained, PairExplained, explained_json
from workbench.analyses.explain.run import ExplainRequest, explain
from workbench.analyses.explain.table import explain_table
from workbench.cache import Cache
from workbench.errors import WorkbenchError
from workbench.manifest import MANIFEST
from workbench.matching import subject as subject_module
from workbench.matching.matched import Matched
from workbench.matching.prediction import BY_TURNS
from workbench.matching.subject import SubjectFiles
from workbench.progress import Stage
from workbench.spec import TrainedUnit
from workbench.work import Work

RING = tuple(TrainedUnit(unit=unit, centre_deg=30.0 * unit) for unit in range(12))
NOTHING = 0.1  # of the variance: what twelve units in other order reach by chance
ROUNDING = 1e-4  # of weights that the network keeps in float32
WRONG_POSES = tuple(
    unit.model_copy(update={"centre_deg": 30.0 * (5 * unit.unit % 12)}) for unit in RING
)
ARC = "along: arc, radius_px: 24, spread_px: 5, extent_px: 10, match: same"
READ = f"      curve: {{{ARC}, harmonics: [0, 0.6, 0.3]}}\n"
FREE = """\
      curve:
        - {{along: arc, radius_px: 24, spread_px: 5, extent_px: 10, match: same, harmonics: [{}, {}, {}]}}
        - {{along: inside, distance_px: 12, spread_px: 6, match: opposite, tolerance_deg: 40, gain: {}}}
"""  # noqa: E501


def theory(*constants: float) -> str:
    """The theory with four constants of the curves that are read."""
    *harmonics, gain = (f"{{tune: {constant}, min: -1, max: 1}}" for constant in constants)
    return THEORY_OF_LATE.replace(READ, FREE.format(*harmonics, gain))


LINE = THEORY_OF_LATE.replace(
    READ,
    """\
      curve:
        - {along: line, spread_px: 5, extent_px: 10, match: any, gain: {tune: 1, min: -1, max: 1}}
        - {along: flanks, distance_px: 12, spread_px: 6, match: any, gain: {tune: -0.1, min: -1, max: 1}}
""",  # noqa: E501
)
TRUTH, GUESS = theory(-0.1, 0.6, 0.4, -0.5), theory(0.3, 0.1, 0.2, 0.7)


def run_on(
    folder: Path,
    planted: PlantedLate,
    monkeypatch: pytest.MonkeyPatch,
    text: str = THEORY_OF_LATE,
    bind: bool = True,
    matched: tuple[Matched, ...] = (),
    stage: Stage = quiet,
    cache: Cache | None = None,
) -> Explained:
    (folder / "late-spec.yaml").write_text(text)
    monkeypatch.setattr(subject_module, "load", lambda name: planted.host)
    monkeypatch.setattr(subject_module, "answers", lambda *_: None)
    monkeypatch.setattr(
        subject_module, "nearest", lambda _: dict.fromkeys(planted.host.sites)
    )  # the files name every unit
    monkeypatch.setattr("workbench.matching.correspondence.matched", lambda *_: list(matched))
    bound = {"curve": planted.files["early"]} if bind else {}
    files = SubjectFiles(folder / "late-spec.yaml", planted.files["late"], bound)
    return explain(ExplainRequest(files), folder / "out", Work(stage=stage, cache=cache))


def only(result: Explained) -> PairExplained:
    (pair,) = result.pairs
    return pair


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Explained, Path]:
    folder = tmp_path_factory.mktemp("explain")
    with pytest.MonkeyPatch.context() as patch:
        return run_on(folder, write_late(folder, units=RING), patch), folder / "out"


def test_explain_planted_weights_explains_and_predicts_all(run):
    pair = only(run[0])
    assert (pair.families, pair.sites, pair.pooled) == (
        ("late", "curve"),
        ("consumers", SITE),
        False,
    )
    assert len(pair.downstream) == 12
    assert pair.share == pytest.approx(
        1, abs=0.02
    )  # the other channels of the first convolution keep weights of their own
    for agreement in (pair.theory, pair.other_half):
        assert {figure: each.value for figure, each in agreement.items()} == pytest.approx(
            dict.fromkeys(("explained", "cosine", "sign", "rank"), 1.0), abs=ROUNDING
        )
        assert all(
            each.p < 0.01 and each.permuted < 0.5
            for figure, each in agreement.items()
            if figure != "sign"
        )
    turned = pair.predicted[BY_TURNS]
    assert turned["explained"].value > 0.5  # half of the units, on a grid of three cells
    for predicted in (*pair.fitted.values(), *pair.predicted.values()):
        assert predicted["explained"].p < 0.01
        assert predicted["explained"].permuted < 0.1


def test_explain_with_wrong_constants_predicts_by_fitted_ones(tmp_path, monkeypatch):
    pair = only(
        run_on(
            tmp_path, write_late(tmp_path, units=RING, theories=(THEORY, TRUTH)), monkeypatch, GUESS
        )
    )
    assert pair.constants == 4
    assert pair.theory["explained"].value < 0.1
    for fitted in pair.fitted.values():
        assert {figure: each.value for figure, each in fitted.items()} == pytest.approx(
            dict.fromkeys(("explained", "cosine", "sign", "rank"), 1.0), abs=ROUNDING
        )
        assert fitted["explained"].p < 0.01
        assert fitted["explained"].permuted < 0.1


def test_explain_theory_of_lines_predicts_less_than_turning(tmp_path, monkeypatch):
    pair = only(
        run_on(
            tmp_path, write_late(tmp_path, units=RING, theories=(THEORY, TRUTH)), monkeypatch, LINE
        )
    )
    assert pair.constants == 2
    for fitted in pair.fitted.values():
        assert fitted["explained"].value < NOTHING
    assert pair.predicted[BY_TURNS]["explained"].value > 0.5


def test_explain_wrong_poses_explains_and_predicts_nothing(tmp_path, monkeypatch):
    planted = write_late(tmp_path, units=RING)
    text = planted.files["late"].read_text()
    for right, wrong in zip(RING, WRONG_POSES, strict=True):
        text = text.replace(
            f"unit: {right.unit}, centre_deg: {right.centre_deg}",
            f"unit: {right.unit}, centre_deg: {wrong.centre_deg}",
        )
    assert text != planted.files["late"].read_text()
    planted.files["late"].write_text(text)
    pair = only(run_on(tmp_path, planted, monkeypatch))
    for agreement in (
        pair.theory,
        pair.other_half,
        *pair.fitted.values(),
        *pair.predicted.values(),
    ):
        assert abs(agreement["explained"].value) < NOTHING
        assert agreement["explained"].p > 0.05


def test_explain_weights_of_the_opposite_sign_has_scale_0(tmp_path, monkeypatch):
    planted = write_late(tmp_path, units=RING)
    planted.host.module("consumers")[0].weight.neg_()
    pair = only(run_on(tmp_path, planted, monkeypatch))
    assert pair.scale == 0
    assert pair.theory["explained"].value <= 0
    assert (
        pair.fitted[BY_TURNS]["explained"].value <= 0
    )  # the spec's constants are fixed, and so are their signs
    assert pair.predicted[BY_TURNS]["explained"].value > 0.5  # it turns all the same


def test_explain_theory_of_another_feature_explains_less_than_turning(tmp_path, monkeypatch):
    text = THEORY_OF_LATE.replace(
        "match: same, harmonics: [0, 0.6, 0.3]", "match: opposite, harmonics: [0.4, 0.6, 0.3]"
    )
    pair = only(run_on(tmp_path, write_late(tmp_path, units=RING), monkeypatch, text))
    assert pair.theory["explained"].value < 0.1
    assert pair.predicted[BY_TURNS]["explained"].value > 0.5


def test_explain_random_weights_explains_and_predicts_nothing(tmp_path, monkeypatch):
    planted = write_late(tmp_path, units=RING)
    weight = planted.host.module("consumers")[0].weight
    weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    pair = only(run_on(tmp_path, planted, monkeypatch))
    for agreement in (
        pair.theory,
        pair.other_half,
        *pair.fitted.values(),
        *pair.predicted.values(),
    ):
        assert agreement["explained"].value < 0.05
        assert agreement["cosine"].p > 0.01


def test_explain_changed_weight_is_the_most_wrong(tmp_path, monkeypatch):
    planted = write_late(tmp_path, units=RING)
    planted.host.module("consumers")[0].weight[RING[7].unit, 4, 0, 2] += 100.0
    worst = only(run_on(tmp_path, planted, monkeypatch)).worst
    assert (worst[0].downstream, worst[0].upstream, worst[0].at_px) == (
        "consumers:7",
        f"{SITE}:4",
        (8.0, -8.0),
    )
    assert worst[0].trained - worst[0].theory > 10 * abs(worst[1].trained - worst[1].theory)


def test_explain_without_trained_units_is_refused(tmp_path, monkeypatch):
    with pytest.raises(
        WorkbenchError,
        match=r"late-spec.yaml: no weights between two families.*3 or more"
        r".*--use-trained FAMILY=FILE",
    ):
        run_on(tmp_path, write_late(tmp_path, units=RING), monkeypatch, bind=False)
    assert not (tmp_path / "out").exists()


def test_explain_compares_families_of_several_axes_beside_those_of_one_angle(tmp_path, monkeypatch):
    """Channels that were matched with Gabors, whose weights are random."""
    planted = write_late(tmp_path, units=RING)
    weight, channels = planted.host.module("consumers")[0].weight, [0, 2, 5]
    random = torch.randn(weight[:, channels].shape, generator=torch.Generator().manual_seed(0))
    weight[:, channels] = random
    text = (
        THEORY_OF_LATE
        + "      gabor: {along: point, match: tangent, tolerance_deg: 20, gain: 0.01}\n"
    )
    gabors = Matched("gabor", SITE, np.array(channels), np.arange(3), np.arange(3))
    result = run_on(tmp_path, planted, monkeypatch, text, matched=(gabors,))
    curves, of_gabors = result.pairs
    assert (curves.families, of_gabors.families) == (("late", "curve"), ("late", "gabor"))
    assert curves.theory["explained"].value > 1 - NOTHING
    assert of_gabors.theory["explained"].value < NOTHING
    assert curves.predicted is not None
    assert of_gabors.predicted is None
    assert result.left_out == {}


def test_explain_again_writes_the_same_document_picture_and_table(run, tmp_path, monkeypatch):
    result, output = run
    assert sorted(path.name for path in output.iterdir()) == [
        MANIFEST,
        "explain.json",
        "explain.png",
    ]
    document = json.loads((output / "explain.json").read_text())
    assert document["format"] == 1
    assert document["pairs"][0]["theory"]["explained"]["value"] == pytest.approx(1, abs=ROUNDING)
    assert imread(output / "explain.png").std() > 0
    console = Console(record=True, width=120)
    console.print(explain_table(result))
    text = console.export_text()
    assert f"curve at {SITE} → late at consumers, 6 x 12 units" in text
    assert "the theory, one scale" in text
    assert "predicted: fitted, by turns" in text
    assert explained_json(
        run_on(tmp_path, write_late(tmp_path, units=RING), monkeypatch)
    ) == explained_json(result)
