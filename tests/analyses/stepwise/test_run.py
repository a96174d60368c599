"""`workbench stepwise` from end to end, on planted networks.

The planted theory holds, and what is broken is found at its layer.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib.image import imread
from rich.console import Console

from tests.interrupted import quiet
from tests.planted import LATE, SITE, THEORY_OF_LATE, PlantedLate, write_late
from workbench.analyses.stepwise import run as verb
from workbench.analyses.stepwise.figures import (
    ClaimSteps,
    Stepwise,
    goes_wrong_at,
    not_enough,
    stepwise_json,
)
from workbench.analyses.stepwise.part import open_questions
from workbench.analyses.stepwise.run import StepwiseRequest, stepwise
from workbench.analyses.stepwise.steps import FAILS, HOLDS, PIXELS, UNKNOWN, Step, verdict
from workbench.analyses.stepwise.table import stepwise_table
from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.manifest import MANIFEST
from workbench.matching import probes as probes
from workbench.matching import subject as main_path
from workbench.matching.nearest import Answers
from workbench.matching.probes import answers
from workbench.matching.subject import SubjectFiles
from workbench.progress import Stage
from workbench.score.uncertainty import Figure
from workbench.spec import load_circuit, theory_from_text
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

PICTURES = 12


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Answers:
    """Responses of the planted network and of the theory to the stimuli that match them."""
    folder = tmp_path_factory.mktemp("shown")
    host, files = write_late(folder)
    circuit = compile_spec(theory_from_text(THEORY_OF_LATE), load_circuit(files["late"]), host)
    return answers(host, circuit, list(host.sites), lambda steps: None)


def run_on(
    folder: Path,
    planted: PlantedLate,
    shown: Answers,
    monkeypatch: pytest.MonkeyPatch,
    text: str = THEORY_OF_LATE,
    bind: bool = True,
    count: int = PICTURES,
    stage: Stage = quiet,
    cache: Cache | None = None,
) -> Stepwise:
    """Units are matched as they are in the whole network and theory: it is the steps that are
    tested, on few drawn stimuli.
    """
    (folder / "late-spec.yaml").write_text(text)
    monkeypatch.setattr(main_path, "load", lambda name: planted.host)
    monkeypatch.setattr(main_path, "answers", lambda *_: shown)
    monkeypatch.setattr(verb, "PLAIN", probes.PLAIN[:4])
    bound = {"curve": planted.files["early"]} if bind else {}
    pictures, calibration = drawn(count, seed=3), drawn(count, seed=1)
    files = SubjectFiles(folder / "late-spec.yaml", planted.files["late"], bound)
    request = StepwiseRequest(files, pictures, calibration)
    return stepwise(request, folder / "out", Work(stage, cache=cache))


def claim_of(result: Stepwise, family: str, site: str) -> ClaimSteps:
    return next(claim for claim in result.claims if (claim.family, claim.site) == (family, site))


def verdicts(claim: ClaimSteps, assumes: str) -> list[str]:
    return [step.verdict for unit in claim.units for step in unit.steps if step.assumes == assumes]


@pytest.fixture(scope="module")
def run(shown, tmp_path_factory) -> tuple[Stepwise, Path]:
    folder = tmp_path_factory.mktemp("stepwise")
    with pytest.MonkeyPatch.context() as patch:
        return run_on(folder, write_late(folder), shown, patch), folder / "out"


def test_the_planted_theory_holds_step_by_step_and_on_trained_inputs(run):
    late, curve = claim_of(run[0], "late", "consumers"), claim_of(run[0], "curve", SITE)
    assert [unit.unit for unit in late.units] == [f"consumers:{unit.unit}" for unit in LATE]
    for claim, assumes in ((late, SITE), (late, PIXELS), (curve, PIXELS)):
        assert set(verdicts(claim, assumes)) == {HOLDS}
    assert {unit.handwritten.verdict for unit in late.units} == {HOLDS}
    assert {unit.goes_wrong_at for unit in (*late.units, *curve.units)} == {None}
    assert min(step.above_wrong.value for unit in late.units for step in unit.steps) > 0.5


def test_a_unit_whose_own_weights_are_wrong_fails_there(shown, tmp_path, monkeypatch):
    """Each late unit has the weights of the next one."""
    planted = write_late(tmp_path)
    convolution, units = planted.host.module("consumers")[0], [unit.unit for unit in LATE]
    convolution.weight[units] = convolution.weight[[*units[1:], units[0]]]
    result = run_on(tmp_path, planted, shown, monkeypatch)
    late, curve = claim_of(result, "late", "consumers"), claim_of(result, "curve", SITE)
    assert verdicts(late, SITE) == verdicts(late, PIXELS) == [FAILS] * 3
    assert {unit.goes_wrong_at for unit in late.units} == {"consumers"}
    assert {unit.handwritten.verdict for unit in late.units} == {FAILS}
    assert {unit.goes_wrong_at for unit in curve.units} == {None}


def test_a_unit_whose_inputs_are_wrong_fails_where_they_go_wrong(shown, tmp_path, monkeypatch):
    """The curves that the late units read are turned by half a circle: with the claimed ones they
    come out right.
    """
    planted = write_late(tmp_path)
    for layer in planted.host.module(SITE).circuit.layers[-1:]:
        for read in layer.reads:
            read.weight.copy_(read.weight.flip(2, 3))
    result = run_on(tmp_path, planted, shown, monkeypatch)
    late, curve = claim_of(result, "late", "consumers"), claim_of(result, "curve", SITE)
    assert verdicts(late, SITE) == [HOLDS] * 3
    assert verdicts(late, PIXELS) == [FAILS] * 3
    assert {unit.goes_wrong_at for unit in (*late.units, *curve.units)} == {SITE}


@pytest.mark.parametrize(
    "wrong",
    [
        {
            "match: same, harmonics: [0, 0.6, 0.3]": "match: opposite, harmonics: [0.4, 0.6, 0.3]"
        },  # of another feature
        {
            "centre_deg: 20": "centre_deg: 200",
            "centre_deg: 160": "centre_deg: 340",
            "centre_deg: 290": "centre_deg: 110",
        },  # wrong poses
    ],
)
def test_a_wrong_theory_fails_at_its_own_layer(wrong, shown, tmp_path, monkeypatch):
    planted, text = write_late(tmp_path), THEORY_OF_LATE
    circuit = planted.files["late"].read_text()
    for right, replacement in wrong.items():
        text, circuit = text.replace(right, replacement), circuit.replace(right, replacement)
    assert (text, circuit) != (THEORY_OF_LATE, planted.files["late"].read_text())
    planted.files["late"].write_text(circuit)
    late = claim_of(run_on(tmp_path, planted, shown, monkeypatch, text), "late", "consumers")
    assert verdicts(late, SITE) == verdicts(late, PIXELS) == [FAILS] * 3
    assert {unit.goes_wrong_at for unit in late.units} == {"consumers"}
    assert {unit.handwritten.verdict for unit in late.units} == {FAILS}


def test_units_are_found_by_behaviour_where_no_file_names_them(shown, tmp_path, monkeypatch):
    late = claim_of(
        run_on(tmp_path, write_late(tmp_path), shown, monkeypatch, bind=False), "late", "consumers"
    )
    assert verdicts(late, SITE) == [HOLDS] * 3


def test_the_document_the_picture_and_the_tree_are_written_and_the_same_again(
    run, shown, tmp_path, monkeypatch
):
    result, output = run
    assert sorted(path.name for path in output.iterdir()) == [
        MANIFEST,
        "stepwise.json",
        "stepwise.png",
    ]
    document = json.loads((output / "stepwise.json").read_text())
    assert document["format"] == 1
    assert [step["assumes"] for step in document["claims"][-1]["units"][0]["steps"]] == [
        SITE,
        PIXELS,
    ]
    assert imread(output / "stepwise.png").std() > 0
    console = Console(record=True, width=120)
    console.print(stepwise_table(result))
    text = console.export_text()
    assert f"if {SITE} is as claimed: ✓3 ✗0 ?0  1.00" in text
    assert f"handwritten, on trained curve at {SITE}: ✓3" in text
    assert stepwise_json(
        run_on(tmp_path, write_late(tmp_path), shown, monkeypatch)
    ) == stepwise_json(result)


@pytest.mark.parametrize(
    ("figure", "above_wrong", "drawn", "expected"),
    [
        ((0.5, 0.6), (0.1, 0.2), 0.7, HOLDS),
        ((0.49, 0.6), (0.1, 0.2), 0.9, UNKNOWN),  # the interval does not decide
        ((0.3, 0.49), (0.1, 0.2), 0.9, FAILS),
        ((0.6, 0.7), (0.1, 0.2), 0.69, FAILS),
        ((0.6, 0.7), (-0.1, 0.1), 0.9, UNKNOWN),
        ((0.6, 0.7), (-0.2, 0.0), 0.9, FAILS),  # wrong poses do as well
        (None, (0.1, 0.2), 0.9, UNKNOWN),
    ],
)
def test_verdict_of_intervals(figure, above_wrong, drawn, expected):
    assert verdict(Figure(0.5, figure), Figure(0.1, above_wrong), drawn) == expected


@pytest.mark.parametrize(
    ("above_without", "expected"),
    [((0.1, 0.2), HOLDS), ((0.0, 0.2), UNKNOWN), ((-0.2, -0.1), UNKNOWN), (None, UNKNOWN)],
)
def test_verdict_of_a_step_that_is_as_good_without_the_claimed_units_is_not_holds(
    above_without, expected
):
    assert (
        verdict(Figure(0.6, (0.55, 0.65)), Figure(0.1, (0.1, 0.2)), 0.9, Figure(0.1, above_without))
        == expected
    )


def test_a_unit_goes_wrong_after_the_first_assumption_under_which_it_fails():
    def steps(*verdicts: str) -> list[Step]:
        return [Step("", each, Figure(None), Figure(None), 0.0) for each in verdicts]

    above = ["mixed3a", "conv2d2"]
    assert goes_wrong_at("mixed3b", above, steps(HOLDS, UNKNOWN, HOLDS)) is None
    assert goes_wrong_at("mixed3b", above, steps(FAILS, FAILS, FAILS)) == "mixed3b"
    assert goes_wrong_at("mixed3b", above, steps(HOLDS, FAILS, FAILS)) == "mixed3a"
    assert goes_wrong_at("mixed3b", above, steps(HOLDS, FAILS, HOLDS)) is None
    assert not_enough(above, steps(HOLDS, FAILS, HOLDS)) == "conv2d2"
    assert not_enough(above, steps(HOLDS, FAILS, UNKNOWN)) is None
    assert goes_wrong_at("mixed3b", above, steps(HOLDS, UNKNOWN, FAILS)) == "conv2d2"


def test_one_picture_is_refused_and_nothing_is_left(shown, tmp_path, monkeypatch):
    with pytest.raises(WorkbenchError, match="pictures: 1; expected two or more"):
        run_on(tmp_path, write_late(tmp_path), shown, monkeypatch, count=1)
    assert not (tmp_path / "out").exists()


def test_open_questions_name_steps_that_do_not_hold_in_every_unit():
    units = [
        SimpleNamespace(
            steps=[
                SimpleNamespace(assumes="mixed3a", verdict=HOLDS),
                SimpleNamespace(assumes="conv2d0", verdict=verdict),
                SimpleNamespace(assumes=PIXELS, verdict=verdict),
            ]
        )
        for verdict in (HOLDS, FAILS, UNKNOWN)
    ]
    claims = [SimpleNamespace(family="curve", site="mixed3b", units=units)]
    assert list(open_questions(SimpleNamespace(claims=claims))) == [
        "Whether curve at mixed3b follows (if conv2d0 is as claimed): of 3 units 1 fail and 1 are "
        "unknown.",
        "Whether curve at mixed3b follows (nothing assumed, the trained units): of 3 units 1 fail "
        "and 1 are unknown.",
    ]
