"""`workbench claims`: true claims come true, false ones do not, untested families are named."""

import json
from pathlib import Path

import pytest
from matplotlib.image import imread

from tests.interrupted import quiet
from tests.planted import (
    ABOVE,
    STRAIGHT,
    THEORY_OF_LATE,
    THEORY_OF_LATE_AND_GABOR,
    UNITS,
    PlantedLate,
    write_late,
)
from workbench.analyses.claims.figures import Claims, claims_json
from workbench.analyses.claims.run import ClaimsRequest, claims
from workbench.analyses.claims.table import claims_table
from workbench.cache import Cache
from workbench.errors import WorkbenchError
from workbench.manifest import MANIFEST
from workbench.matching import subject
from workbench.matching.subject import SubjectFiles
from workbench.progress import Stage
from workbench.spec import dump_circuit, load_circuit
from workbench.vision.pictures import photographs
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import BARS
from workbench.work import Work

ROOT = Path(__file__).parents[3]
STEP_DEG = 30
CLAIMS = """\
claims:
  silenced: {about: nothing else excites,
     edit: {without: curve, sign: positive},
     expect: {figure: peak, of: every, below: 0.1}}
  unharmed: {about: the opposite,
     edit: {without: curve, sign: positive},
     expect: {figure: peak, of: every, above: 0.9}}
  sharpened: {about: inhibition sharpens,
     edit: {without: curve, sign: negative},
     expect: {figure: width_deg, rises_by: 2}}
  all-there-is: {about: no edit,
     edit: {only: curve},
     expect: {figure: peak, of: every, above: 0.999}}
  no-less: {about: no edit changes nothing,
     edit: {only: curve},
     expect: {figure: peak, falls_by: 0.001}}
"""


def run_on(
    folder: Path,
    planted: PlantedLate,
    monkeypatch: pytest.MonkeyPatch,
    text: str = THEORY_OF_LATE + CLAIMS,
    bind: bool = True,
    stage: Stage = quiet,
    cache: Cache | None = None,
) -> Claims:
    (folder / "late-spec.yaml").write_text(text)
    monkeypatch.setattr(subject, "load", lambda name: planted.host)
    bound = {"curve": planted.files["early"]} if bind else {}
    files = SubjectFiles(folder / "late-spec.yaml", planted.files["late"], bound)
    request = ClaimsRequest(files, drawn(6, seed=1), STEP_DEG)
    return claims(request, folder / "out", Work(stage=stage, cache=cache))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Claims, Path]:
    folder = tmp_path_factory.mktemp("claims")
    with pytest.MonkeyPatch.context() as patch:
        return run_on(folder, write_late(folder), patch), folder / "out"


def test_what_must_come_true_does_and_what_must_not_does_not(run):
    outcomes = {outcome.claim: outcome for outcome in run[0].claims}
    expected = {
        "silenced": True,
        "unharmed": False,
        "sharpened": True,
        "all-there-is": True,
        "no-less": False,
    }
    assert {name: outcome.trained.came_true for name, outcome in outcomes.items()} == expected
    assert {name: outcome.handwritten.came_true for name, outcome in outcomes.items()} == expected
    assert all(outcome.agree for outcome in outcomes.values())


def test_a_silent_unit_has_a_peak_of_nothing_and_no_width(run):
    silenced, _, sharpened, *_ = run[0].claims
    assert [after for _, after in silenced.trained.unit_figures] == [0, 0, 0]
    assert silenced.trained.before == 1
    assert silenced.trained.holds == 3
    assert sharpened.trained.silent == 0
    assert sharpened.trained.after > sharpened.trained.before + 2


def test_a_network_without_the_inhibition_that_the_theory_says_disagrees(tmp_path, monkeypatch):
    result = run_on(tmp_path, write_late(tmp_path, inhibited=False), monkeypatch)
    (sharpened,) = [outcome for outcome in result.claims if outcome.claim == "sharpened"]
    assert sharpened.trained.after == pytest.approx(sharpened.trained.before)
    assert (sharpened.trained.came_true, sharpened.handwritten.came_true, sharpened.agree) == (
        False,
        True,
        False,
    )


def test_a_theory_without_the_inhibition_that_the_network_has_is_told_by_its_own_claim(
    tmp_path, monkeypatch
):
    wrong = THEORY_OF_LATE.replace(
        "harmonics: [0, 0.6, 0.3]", "harmonics: [1, 0.6]"
    )  # above 0 in every direction
    assert wrong != THEORY_OF_LATE
    result = run_on(tmp_path, write_late(tmp_path), monkeypatch, wrong + CLAIMS)
    (sharpened,) = [outcome for outcome in result.claims if outcome.claim == "sharpened"]
    assert sharpened.handwritten.after == pytest.approx(sharpened.handwritten.before)
    assert (sharpened.trained.came_true, sharpened.handwritten.came_true, sharpened.agree) == (
        True,
        False,
        False,
    )


def test_a_family_that_is_not_bound_is_tested_by_hand_alone(tmp_path, monkeypatch):
    text = (
        THEORY_OF_LATE_AND_GABOR
        + "claims:\n  a: {about: x, edit: {without: [curve, gabor]}, "
        + "expect: {figure: peak, below: 0.5}}\n"
    )
    result = run_on(tmp_path, write_late(tmp_path), monkeypatch, text)
    (outcome,) = result.claims
    assert (outcome.trained, outcome.agree, outcome.unbound) == (None, None, ["gabor"])
    assert outcome.handwritten.came_true
    text = "".join(str(part) for part in claims_table(result).renderables)
    assert "not tested in the trained network: a. Name trained units of gabor: " in text
    assert "--use-trained gabor=FILE" in text


def test_an_edit_of_all_weights_of_a_sign_needs_no_trained_units(tmp_path, monkeypatch):
    named, every = (
        run_on(tmp_path, write_late(tmp_path), monkeypatch, bind=bind) for bind in (True, False)
    )
    tested = {one.claim: one.every_weight_from for one in every.claims if one.trained}
    assert tested == dict.fromkeys(("silenced", "unharmed", "sharpened"), "planted")
    assert not any(one.every_weight_from for one in named.claims)
    # the planted units read no channels of the site before but those that the file names
    for one, other in zip(named.claims[:3], every.claims[:3], strict=True):
        assert other.trained.unit_figures == one.trained.unit_figures
    text = "".join(str(part) for part in claims_table(every).renderables)
    assert "the weights from every unit of planted: silenced, unharmed, sharpened" in text
    assert "not tested in the trained network: all-there-is, no-less. Name" in text


def test_edits_may_name_families_of_several_axes_which_cannot_be_read_off_units(
    tmp_path, monkeypatch
):
    claim = (
        "claims:\n  a: {about: x, edit: {without: curve}, "
        "expect: {figure: peak, of: every, below: 0.1}}\n"
    )
    axes = "{centre_deg: {every: 60, over: 360}}"
    text = THEORY_OF_LATE.replace(axes, axes.replace("}}", "}, scale: [1]}")) + claim
    assert text.count("scale: [1]") == 1
    (outcome,) = run_on(tmp_path, write_late(tmp_path), monkeypatch, text).claims
    assert (outcome.trained.came_true, outcome.handwritten.came_true) == (True, True)


def test_the_document_and_the_picture_are_written_and_the_same_again(run, tmp_path, monkeypatch):
    result, output = run
    assert sorted(path.name for path in output.iterdir()) == [
        MANIFEST,
        "claims.json",
        "claims.png",
    ]
    document = json.loads((output / "claims.json").read_text())
    assert document["format"] == 2
    assert document["claims"][0]["trained"]["unit_figures"] == [[1, 0]] * 3
    assert imread(output / "claims.png").std() > 0
    assert claims_json(run_on(tmp_path, write_late(tmp_path), monkeypatch)) == claims_json(result)


def test_a_theory_without_claims_and_a_family_that_is_not_there_are_refused(tmp_path, monkeypatch):
    late = write_late(tmp_path)
    with pytest.raises(WorkbenchError, match="no claims; expected the key claims"):
        run_on(tmp_path, late, monkeypatch, THEORY_OF_LATE)
    late.files["early"] = late.files["late"]
    with pytest.raises(WorkbenchError, match="not computed before the spliced site"):
        run_on(tmp_path, late, monkeypatch)


LATE_OF_STRAIGHT = (
    STRAIGHT.replace(
        ABOVE,
        "    poses: {orientation_deg: {every: 30, over: 180}}\n"
        "    stride_px: 8\n    window_px: 32\n",
    )
    + """\
  late:
    poses: from-circuit
    window_px: 24
    reads: {curve: {along: point, match: tangent, harmonics: [0, 0.6, 0.3]}}
"""
)
LINE_CLAIMS = """\
claims:
  crossing-bars-inhibit: {about: x,
     edit: {without: curve, sign: negative},
     expect: {figure: width_deg, of: every, rises_by: 0}}
  inhibition-excites: {about: the opposite,
     edit: {without: curve, sign: negative},
     expect: {figure: peak, below: 0.5}}
  no-echo: {about: nothing crosses, edit: {only: curve}, expect: {figure: echo, below: 0.1}}
"""


def test_claims_of_a_family_that_knows_no_sides_are_tested_on_bars(tmp_path, monkeypatch):
    early = tuple(unit.model_copy(update={"centre_deg": 30.0 * i}) for i, unit in enumerate(UNITS))
    result = run_on(
        tmp_path,
        write_late(tmp_path, theories=(STRAIGHT, LATE_OF_STRAIGHT), early=early),
        monkeypatch,
        LATE_OF_STRAIGHT + LINE_CLAIMS,
    )
    assert result.radius_px == BARS.radii_px
    for side in ("trained", "handwritten"):
        assert [getattr(outcome, side).came_true for outcome in result.claims] == [
            True,
            False,
            True,
        ]


@pytest.mark.full
@pytest.mark.inceptionv1
def test_claims_about_lines_hold_of_the_complex_gabors_of_inceptionv1_and_not_of_other_channels(
    inceptionv1, tmp_path, monkeypatch
):
    """Every 30 degrees and few pictures for gain and bias."""
    circuits = ROOT / "circuits" / "inceptionv1"
    monkeypatch.setattr(subject, "load", lambda name: inceptionv1)
    gabors = load_circuit(circuits / "complex_gabor.yaml")
    others = sorted(set(range(64)) - {unit.unit for unit in gabors.units})[: len(gabors.units)]
    moved = [
        unit.model_copy(update={"unit": other})
        for unit, other in zip(gabors.units, others, strict=True)
    ]
    dump_circuit(gabors.model_copy(update={"units": tuple(moved)}), tmp_path / "wrong.yaml")

    def true(bound: Path) -> list[str]:
        files = SubjectFiles(
            ROOT / "specs" / "line.yaml",
            circuits / "line-conv2d2.yaml",
            {"complex_gabor": bound},
        )
        request = ClaimsRequest(files, photographs("calibration")[:4], step_deg=30)
        result = claims(request, tmp_path / "out", Work())
        return [outcome.claim for outcome in result.claims if outcome.trained.came_true]

    assert {"excitation-drives", "crossing-bars-are-kept-out", "complex-gabors-suffice"} <= set(
        true(circuits / "complex_gabor.yaml")
    )
    assert {"excitation-drives", "complex-gabors-suffice"}.isdisjoint(true(tmp_path / "wrong.yaml"))


@pytest.mark.full
@pytest.mark.inceptionv1
def test_the_echo_of_inceptionv1_comes_back(inceptionv1, tmp_path, monkeypatch):
    """The published experiment, here on four directions of the arcs and few pictures for gain and
    bias.
    """
    circuits = ROOT / "circuits" / "inceptionv1"
    monkeypatch.setattr(subject, "load", lambda name: inceptionv1)
    files = SubjectFiles(
        ROOT / "specs" / "curve-detectors.yaml",
        circuits / "curve.yaml",
        {"early_curve": circuits / "early_curve.yaml"},
    )
    request = ClaimsRequest(files, photographs("calibration")[:4], step_deg=45)
    result = claims(request, tmp_path / "out", Work())
    echo = result.claims[0]
    assert echo.trained.came_true
    assert echo.trained.before < 0.1 < echo.trained.after
    assert {outcome.claim for outcome in result.claims if outcome.unbound} > {
        "lines-know-no-side",
        "two-families-suffice",
    }
