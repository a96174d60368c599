"""`workbench equivariance`: planted copies are confirmed, wrong poses are refuted."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from tests.conftest import tiny_network
from tests.interrupted import counted
from tests.planted import INPUT, UNITS, planted, trained_circuit
from workbench.analyses.equivariance import responses, run
from workbench.analyses.equivariance.plot import joint_tuning
from workbench.analyses.equivariance.responses import on_pictures
from workbench.cli import main
from workbench.hosts import Host, host_from_module
from workbench.manifest import MANIFEST
from workbench.spec import TrainedCircuit, dump_circuit
from workbench.vision.pictures.drawn import drawn

ROOT = Path(__file__).parents[3]
SCRAMBLED = (2, 4, 0, 1, 5, 3)  # no turn of all poses alike
# planted curves answer their opposites too: at 0.5 even poses that are wrong by half a turn share a
# prototype
TOLERANCE = "0.8"


def asked(folder: Path, host: Host, trained: TrainedCircuit, *words: str) -> Result:
    """The command on three drawn pictures."""
    images = folder / "images"
    images.mkdir(exist_ok=True)
    for i, picture in enumerate(drawn(3, seed=3)):
        Image.fromarray(picture.load()).save(images / f"{i}.png")
    dump_circuit(trained, folder / "curve.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "load", lambda name: host)
        patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
        given = [
            "equivariance",
            folder / "curve.yaml",
            "--images",
            images,
            "-o",
            folder / "out",
            *words,
        ]
        return CliRunner().invoke(main, [str(word) for word in given])


def document(folder: Path) -> dict:
    return json.loads((folder / "out" / "equivariance.json").read_text())


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Result]:
    host, trained, _ = planted()
    folder = tmp_path_factory.mktemp("planted")
    return folder, asked(folder, host, trained, "--tolerance", TOLERANCE)


def test_equivariance_planted_copies_are_one_orbit(made):
    folder, result = made
    assert result.exit_code == 0, result.output
    facts = document(folder)
    assert [view["view"] for view in facts["views"]] == ["drawings", "pictures"]
    for view in facts["views"]:
        assert [part["parts"] for part in view["parts"]] == [
            [],
            ["rotation"],
            ["rotation", "reflection"],
        ]
        assert view["parts"][0]["prototypes"] == len(UNITS)
        assert view["parts"][1]["prototypes"] == 1
        assert view["explained"]["value"] > 0.85
        assert view["p"] < 0.05
        assert view["simpler"]["units_each"] == len(UNITS)
        assert view["simpler"]["numbers"] > 2
        assert sorted(name.rstrip("~") for name in view["orbits"][0]) == sorted(
            f"planted:{unit.unit}" for unit in UNITS
        )


def test_equivariance_prints_a_table_and_writes_a_picture(made):
    folder, result = made
    assert re.search(
        r"^drawings +nothing +0\.\d\d +0\.\d\d to 0\.\d\d +6 +1\.0x", result.stdout, re.MULTILINE
    )
    assert re.search(r"^ +\+ rotation +(0\.[89]\d|1\.00) .* 1 +6\.0x", result.stdout, re.MULTILINE)
    assert "NOT better" not in result.stdout
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        MANIFEST,
        "equivariance.json",
        "equivariance.png",
    ]
    with Image.open(folder / "out" / "equivariance.png") as image:
        assert min(image.size) > 500


def test_equivariance_document_has_only_documented_keys(made):
    page = (ROOT / "docs" / "equivariance.md").read_text()
    facts = document(made[0])
    view = facts["views"][0]
    assert not [
        key
        for key in (*facts, *view, *view["parts"][0], *view["simpler"])
        if f"`{key}`" not in page
    ]


def test_equivariance_again_gives_the_same_bytes(made, tmp_path):
    host, trained, _ = planted()
    text = asked(tmp_path, host, trained, "--tolerance", TOLERANCE, "--json").stdout
    assert json.loads(text) == document(made[0])
    for name in ("equivariance.json", "equivariance.png"):
        assert (tmp_path / "out" / name).read_bytes() == (made[0] / "out" / name).read_bytes()


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "words"), [("planted", ["--no-cache"]), ("my_hosts.py:make_host", [])]
)
def test_equivariance_complete_leaves_no_unfinished_entries(tmp_path, monkeypatch, name, words):
    """With --no-cache, and on a host of one's own, nothing is computed again and nothing stays."""
    host = replace(planted().host, name=name)
    trained, calls = trained_circuit(host, UNITS), counted(monkeypatch, responses, "read")

    def kept() -> set[str]:
        folder = tmp_path / "cache"
        return {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}

    assert asked(tmp_path, host, trained, *words).exit_code == 0
    whole = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    once = len(calls)
    assert kept() == set()
    counting = responses.read

    def stopped(*given):
        if len(calls) == once + once // 2:
            raise KeyboardInterrupt
        return counting(*given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(responses, "read", stopped)
        assert asked(tmp_path, host, trained, *words).exit_code == 130
    assert kept() == {"unfinished"}
    assert asked(tmp_path, host, trained, *words).exit_code == 0
    assert len(calls) < 2 * once + once // 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == whole
    assert kept() == set()


def test_equivariance_wrong_poses_are_refuted(tmp_path):
    host, _, _ = planted()
    units = [
        unit.model_copy(update={"centre_deg": UNITS[other].centre_deg})
        for unit, other in zip(UNITS, SCRAMBLED, strict=True)
    ]
    result = asked(tmp_path, host, trained_circuit(host, units), "--tolerance", TOLERANCE)
    assert result.exit_code == 0, result.output
    for view in document(tmp_path)["views"]:
        assert view["explained"]["value"] < 0.75
        assert view["p"] > 0.05
        assert view["parts"][-1]["prototypes"] > 1
    assert result.stdout.count("NOT better than permuted") == 2


def test_equivariance_random_host_has_no_copies(tmp_path):
    host = host_from_module(
        tiny_network(), "random", {"first": "0", "second": "1", "third": "2"}, INPUT
    )
    assert asked(tmp_path, host, trained_circuit(host, UNITS, site="third")).exit_code == 0
    for view in document(tmp_path)["views"]:
        assert view["p"] > 0.05
        assert view["parts"][1]["prototypes"] > 1


def test_joint_tuning_peaks_where_symmetry_expects_it():
    """Or half a turn from there: planted curves answer their opposites too."""
    host, trained, _ = planted()
    natural = on_pictures(host, trained, drawn(3, seed=3), lambda steps: None)
    joint = joint_tuning(natural, 0)
    assert joint.shape == (24, 6)
    for unit, pose in enumerate(UNITS):
        apart_deg = (
            15 * joint[:, unit].argmax() - (pose.centre_deg - UNITS[0].centre_deg) + 90
        ) % 180 - 90
        assert abs(apart_deg) <= 30


@pytest.mark.parametrize(
    ("units", "fingerprint", "message"),
    [
        (1, None, "one unit; expected two or more"),
        (2, "f" * 64, "found in a host with fingerprint ffffffffffff"),
    ],
)
def test_equivariance_of_incomparable_units_is_refused(tmp_path, units, fingerprint, message):
    host, trained, _ = planted()
    trained = trained.model_copy(
        update={
            "units": trained.units[:units],
            **({"fingerprint": fingerprint} if fingerprint else {}),
        }
    )
    result = asked(tmp_path, host, trained)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "out").exists()


def test_equivariance_of_round_units_is_refused_by_name(tmp_path):
    host, trained, _ = planted()
    units = tuple(unit.model_copy(update={"centre_deg": None}) for unit in trained.units)
    result = asked(tmp_path, host, trained.model_copy(update={"units": units}))
    assert result.exit_code == 2
    assert "units without centre_deg; expected units with a direction" in result.output


@pytest.mark.inceptionv1
@pytest.mark.full
def test_equivariance_of_inceptionv1_curves_confirms_rotated_copies(shared, tmp_path):
    circuits = ROOT / "circuits" / "inceptionv1"
    bound = [
        f"--use-trained={name}={circuits / file}.yaml"
        for name, file in (("early_curve", "early_curve"), ("line", "line-mixed3a"))
    ]
    words = [
        "equivariance",
        circuits / "curve.yaml",
        "--images",
        shared / "images" / "imagenet500",
        "--pictures",
        4,
        *bound,
    ]
    result = CliRunner().invoke(main, [*map(str, words), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    views = document(tmp_path)["views"]
    assert [view["view"] for view in views] == [
        "drawings",
        "pictures",
        "weights from early_curve",
        "weights from line",
    ]
    for view in views:
        turned = view["parts"][1]["explained"]["value"]
        assert turned > 0.3
        assert turned > view["parts"][0]["explained"]["value"] + 0.2
        assert view["p"] < 0.05
    assert np.prod([part["worth"] for part in views[0]["parts"]]) > 5
