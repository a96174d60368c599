"""`workbench induct` from end to end, on planted networks: the planted theory holds, and what is broken is found at its layer."""

import json
from pathlib import Path

import pytest
from matplotlib.image import imread
from rich.console import Console

from tests.interrupted import counted, goes_on, quiet
from tests.planted import SITE
from tests.verbs.test_claims import LATE, THEORY_OF_LATE, Planted, write_late
from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate import induction
from workbench.evaluate.matching import Answers
from workbench.evaluate.run import BATCH
from workbench.pictures.drawn import drawn
from workbench.rebuild import Stage
from workbench.report.induction import induction_tree
from workbench.score.induction import (
    FAILS,
    HOLDS,
    PIXELS,
    UNKNOWN,
    ClaimInduction,
    Induction,
    Step,
    goes_wrong_at,
    induction_json,
    not_enough,
    verdict,
)
from workbench.score.uncertainty import Figure
from workbench.spec import load_circuit, theory_from_text
from workbench.survey import probes
from workbench.survey.probes import answers
from workbench.verbs import induct as verb
from workbench.verbs import loaded as main_path
from workbench.verbs.induct import induct

PICTURES = 12


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> Answers:
    """What the whole planted network and the whole theory answer to the stimuli that match them."""
    folder = tmp_path_factory.mktemp("shown")
    host, files = write_late(folder)
    circuit = compile_spec(theory_from_text(THEORY_OF_LATE), load_circuit(files["late"]), host)
    return answers(host, circuit, list(host.sites), lambda steps: None)


def run_on(
    folder: Path,
    found: Planted,
    shown: Answers,
    monkeypatch: pytest.MonkeyPatch,
    text: str = THEORY_OF_LATE,
    bind: bool = True,
    count: int = PICTURES,
    stage: Stage = quiet,
    cache: Cache | None = None,
) -> Induction:
    """Units are matched as they are in the whole network and theory: it is the steps that are tested, on few drawn stimuli."""
    (folder / "late-spec.yaml").write_text(text)
    monkeypatch.setattr(main_path, "load", lambda name: found.host)
    monkeypatch.setattr(main_path, "answers", lambda *_: shown)
    monkeypatch.setattr(verb, "PLAIN", probes.PLAIN[:4])
    bound = {"curve": found.files["early"]} if bind else {}
    pictures, calibration = drawn(count, seed=3), drawn(count, seed=1)
    words = folder / "late-spec.yaml", found.files["late"], bound, pictures, calibration, folder / "out", stage
    return induct(*words, cache=cache)


def claim_of(found: Induction, family: str, site: str) -> ClaimInduction:
    return next(claim for claim in found.claims if (claim.family, claim.site) == (family, site))


def verdicts(claim: ClaimInduction, assumes: str) -> list[str]:
    return [step.verdict for unit in claim.units for step in unit.steps if step.assumes == assumes]


@pytest.fixture(scope="module")
def run(shown, tmp_path_factory) -> tuple[Induction, Path]:
    folder = tmp_path_factory.mktemp("induct")
    with pytest.MonkeyPatch.context() as patch:
        return run_on(folder, write_late(folder), shown, patch), folder / "out"


def test_the_planted_theory_holds_step_by_step_and_by_hand(run):
    late, curve = claim_of(run[0], "late", "consumers"), claim_of(run[0], "curve", SITE)
    assert [unit.unit for unit in late.units] == [f"consumers:{unit.unit}" for unit in LATE]
    for claim, assumes in ((late, SITE), (late, PIXELS), (curve, PIXELS)):
        assert set(verdicts(claim, assumes)) == {HOLDS}
    assert {unit.by_hand.verdict for unit in late.units} == {HOLDS}
    assert {unit.goes_wrong_at for unit in (*late.units, *curve.units)} == {None}
    assert min(step.above_wrong.value for unit in late.units for step in unit.steps) > 0.5


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param("calibrate", marks=pytest.mark.full),
        "steps on pictures",
        pytest.param("steps on drawn stimuli", marks=pytest.mark.full),
    ],
)
def test_an_interrupted_run_goes_on_to_the_same_files(shown, tmp_path, monkeypatch, stage):
    """Batches and groups of stimuli that were done are not asked again."""
    planted = write_late(tmp_path)
    calls = counted(monkeypatch, induction, "_said")

    def run(folder: Path, cache: Cache, stage: Stage) -> Induction:
        return run_on(folder, planted, shown, monkeypatch, count=BATCH + 2, stage=stage, cache=cache)

    goes_on(run, tmp_path, stage, 1, calls)


def test_a_unit_whose_own_weights_are_wrong_fails_there(shown, tmp_path, monkeypatch):
    """Each late unit has the weights of the next one."""
    planted = write_late(tmp_path)
    convolution, units = planted.host.module("consumers")[0], [unit.unit for unit in LATE]
    convolution.weight[units] = convolution.weight[[*units[1:], units[0]]]
    found = run_on(tmp_path, planted, shown, monkeypatch)
    late, curve = claim_of(found, "late", "consumers"), claim_of(found, "curve", SITE)
    assert verdicts(late, SITE) == verdicts(late, PIXELS) == [FAILS] * 3
    assert {unit.goes_wrong_at for unit in late.units} == {"consumers"}
    assert {unit.by_hand.verdict for unit in late.units} == {FAILS}
    assert {unit.goes_wrong_at for unit in curve.units} == {None}


def test_a_unit_whose_inputs_are_wrong_fails_where_they_go_wrong(shown, tmp_path, monkeypatch):
    """The curves that the late units read are turned by half a circle: with the claimed ones they come out right."""
    planted = write_late(tmp_path)
    for layer in planted.host.module(SITE).circuit.layers[-1:]:
        for read in layer.reads:
            read.weight.copy_(read.weight.flip(2, 3))
    found = run_on(tmp_path, planted, shown, monkeypatch)
    late, curve = claim_of(found, "late", "consumers"), claim_of(found, "curve", SITE)
    assert verdicts(late, SITE) == [HOLDS] * 3
    assert verdicts(late, PIXELS) == [FAILS] * 3
    assert {unit.goes_wrong_at for unit in (*late.units, *curve.units)} == {SITE}


@pytest.mark.parametrize(
    "wrong",
    [
        {"match: same, harmonics: [0, 0.6, 0.3]": "match: opposite, harmonics: [0.4, 0.6, 0.3]"},  # of another feature
        {"centre_deg: 20": "centre_deg: 200", "centre_deg: 160": "centre_deg: 340", "centre_deg: 290": "centre_deg: 110"},  # wrong poses
    ],
)
def test_a_wrong_theory_fails_at_its_own_layer(wrong, shown, tmp_path, monkeypatch):
    planted, text = write_late(tmp_path), THEORY_OF_LATE
    circuit = planted.files["late"].read_text()
    for right, said in wrong.items():
        text, circuit = text.replace(right, said), circuit.replace(right, said)
    assert (text, circuit) != (THEORY_OF_LATE, planted.files["late"].read_text())
    planted.files["late"].write_text(circuit)
    late = claim_of(run_on(tmp_path, planted, shown, monkeypatch, text), "late", "consumers")
    assert verdicts(late, SITE) == verdicts(late, PIXELS) == [FAILS] * 3
    assert {unit.goes_wrong_at for unit in late.units} == {"consumers"}
    assert {unit.by_hand.verdict for unit in late.units} == {FAILS}


def test_units_are_found_by_behaviour_where_no_file_names_them(shown, tmp_path, monkeypatch):
    late = claim_of(run_on(tmp_path, write_late(tmp_path), shown, monkeypatch, bind=False), "late", "consumers")
    assert verdicts(late, SITE) == [HOLDS] * 3


def test_the_document_the_picture_and_the_tree_are_written_and_the_same_again(run, shown, tmp_path, monkeypatch):
    found, output = run
    assert sorted(path.name for path in output.iterdir()) == ["induct.json", "induct.png"]
    document = json.loads((output / "induct.json").read_text())
    assert document["format"] == 1
    assert [step["assumes"] for step in document["claims"][-1]["units"][0]["steps"]] == [SITE, PIXELS]
    assert imread(output / "induct.png").std() > 0
    console = Console(record=True, width=120)
    console.print(induction_tree(found))
    said = console.export_text()
    assert f"if {SITE} is as claimed: ✓3 ✗0 ?0  1.00" in said
    assert f"by hand on trained curve at {SITE}: ✓3" in said
    assert induction_json(run_on(tmp_path, write_late(tmp_path), shown, monkeypatch)) == induction_json(found)


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
def test_the_verdict(figure, above_wrong, drawn, expected):
    assert verdict(Figure(0.5, figure), Figure(0.1, above_wrong), drawn) == expected


@pytest.mark.parametrize(
    ("above_without", "expected"), [((0.1, 0.2), HOLDS), ((0.0, 0.2), UNKNOWN), ((-0.2, -0.1), UNKNOWN), (None, UNKNOWN)]
)
def test_a_step_that_comes_out_as_well_without_what_is_claimed_is_not_shown(above_without, expected):
    assert verdict(Figure(0.6, (0.55, 0.65)), Figure(0.1, (0.1, 0.2)), 0.9, Figure(0.1, above_without)) == expected


def test_a_unit_goes_wrong_behind_the_first_assumption_under_which_it_fails():
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
