"""`workbench visualise` from end to end on a planted host."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.planted import SITE, THEORY, UNITS, planted
from workbench.analyses.visualise.run import chosen_units
from workbench.cli import main
from workbench.manifest import MANIFEST
from workbench.matching import subject
from workbench.spec import dump_circuit
from workbench.vision.pictures.drawn import drawn

ROOT = Path(__file__).parents[3]
STEPS = 24


def asked(place: Path, *words: object) -> Result:
    for name, seed in (("images", 3), ("calibration", 1)):
        (place / name).mkdir(exist_ok=True)
        for i, picture in enumerate(drawn(4, seed=seed)):
            Image.fromarray(picture.load()).save(place / name / f"{i}.png")
    (place / "planted.yaml").write_text(THEORY)
    host, trained, _ = planted()
    dump_circuit(trained, place / "curve.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "load", lambda name: host)
        patch.setenv("WORKBENCH_CACHE", str(place / "cache"))
        given = [
            "visualise",
            place / "planted.yaml",
            "--circuit",
            place / "curve.yaml",
            "-o",
            place / "out",
            "--steps",
            STEPS,
        ]
        given += ["--images", place / "images", "--calibration", place / "calibration", *words]
        return CliRunner().invoke(main, [str(word) for word in given])


def document(place: Path) -> dict:
    return json.loads((place / "out" / "visualise.json").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Result]:
    place = tmp_path_factory.mktemp("visualise")
    return place, asked(place, "--unit", UNITS[0].unit, "--unit", UNITS[2].unit)


def test_a_picture_for_each_unit_trained_and_handwritten(made):
    place, result = made
    assert result.exit_code == 0, result.output
    whole = document(place)
    names = [f"{SITE}:{UNITS[i].unit}" for i in (0, 2)]
    assert [(each["unit"], each["by"]) for each in whole["made"]] == [
        (unit, by) for by in ("trained", "handwritten") for unit in names
    ]
    files = {each["file"] for each in whole["made"]}
    assert {path.name for path in (place / "out").iterdir()} == {
        *files,
        MANIFEST,
        "visualise.json",
        "visualise.png",
    }
    for name in files:
        with Image.open(place / "out" / name) as image:
            assert image.size == (whole["side_px"], whole["side_px"])


def test_it_drives_its_own_unit_above_the_photographs_and_the_others_less(made):
    for picture in document(made[0])["made"]:
        assert picture["trained"] > 1
        assert picture["handwritten"] > 1
        assert picture["others"] < 0.8 * picture["trained"]
    assert re.search(
        rf"^{SITE}:{UNITS[0].unit} +trained +\d\.\d\d +\d\.\d\d +\d\.\d\d",
        made[1].stdout,
        re.MULTILINE,
    )


def test_every_key_is_documented(made):
    page, whole = (ROOT / "docs" / "visualise.md").read_text(), document(made[0])
    assert not [key for key in (*whole, *whole["made"][0]) if f"`{key}`" not in page]


def test_the_same_inputs_give_the_same_bytes(made, tmp_path):
    printed = asked(tmp_path, "--unit", UNITS[0].unit, "--unit", UNITS[2].unit, "--json").stdout
    assert json.loads(printed) == document(made[0])
    for path in (made[0] / "out").iterdir():
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()


def test_a_channel_that_is_no_unit_is_refused(tmp_path):
    result = asked(tmp_path, "--unit", 2)
    assert result.exit_code == 2
    assert "--unit: 2; expected units of curve: 1, 3, 4, 7, 8, 10" in " ".join(
        result.output.split()
    )


@pytest.mark.parametrize(("units", "chosen"), [((), [0, 1, 3, 4]), ((4, 1), [2, 0])])
def test_which_units_are_shown(units, chosen):
    assert chosen_units(planted().trained, units) == chosen


@pytest.mark.inceptionv1
@pytest.mark.full
def test_what_a_curve_of_inceptionv1_wants_beats_the_photographs(shared, tmp_path):
    words = [
        "visualise",
        ROOT / "specs" / "curve-detectors.yaml",
        "--circuit",
        ROOT / "circuits" / "inceptionv1" / "curve.yaml",
    ]
    words += [
        "--unit",
        335,
        "--steps",
        64,
        "--images",
        shared / "images" / "imagenet500",
        "--pictures",
        12,
        "-o",
        tmp_path / "out",
    ]
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    trained, handwritten = document(tmp_path)["made"]
    assert trained["trained"] > 1.5
    assert handwritten["trained"] > 0.7
    assert max(trained["others"], handwritten["others"]) < 0.4
