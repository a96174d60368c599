"""`workbench families` from end to end.

Units that the host has are matched, families that it lacks are not, and the same inputs give the
same bytes.
"""

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from matplotlib.image import imread

from tests.conftest import tiny_network
from tests.interrupted import quiet
from tests.planted import INPUT, SITE, THEORY, UNITS, planted, trained_circuit
from workbench.analyses.families import run as verb
from workbench.analyses.families.figures import Families
from workbench.analyses.families.part import open_questions
from workbench.analyses.families.run import FamiliesRequest, families
from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.hosts import Host, host_from_module
from workbench.manifest import MANIFEST
from workbench.matching import subject as main_path
from workbench.matching.nearest import nearest
from workbench.matching.probes import answers
from workbench.matching.subject import SubjectFiles
from workbench.progress import Stage
from workbench.spec import TrainedCircuit, dump_circuit, load_circuit, load_theory
from workbench.vision.pictures import Picture, folder
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

ROOT = Path(__file__).parents[3]
FOUR = drawn(4, seed=3)
PLANTED = sorted(f"{SITE}:{unit.unit}" for unit in UNITS)


def scored(
    output: Path,
    host: Host,
    trained: TrainedCircuit,
    monkeypatch: pytest.MonkeyPatch,
    pictures: Sequence[Picture] = FOUR,
    stage: Stage = quiet,
    cache: Cache | None = None,
) -> Families:
    output.parent.mkdir(exist_ok=True)
    spec, circuit = output.parent / "planted.yaml", output.parent / "curve.yaml"
    spec.write_text(THEORY)
    dump_circuit(trained, circuit)
    monkeypatch.setattr(main_path, "load", lambda name: host)
    request = FamiliesRequest(SubjectFiles(spec, circuit), pictures)
    return families(request, output, Work(stage, cache=cache))


@pytest.fixture(scope="module")
def planted_run(tmp_path_factory) -> tuple[Families, Path]:
    host, trained, _ = planted()
    output = tmp_path_factory.mktemp("planted") / "out"
    with pytest.MonkeyPatch.context() as patch:
        return scored(output, host, trained, patch), output


def test_the_units_that_compute_a_family_are_matched_with_it_each_with_its_own(planted_run):
    result, _ = planted_run
    (row,) = [row for row in result.layers if row.family == "curve"]
    assert row.site == SITE
    assert sorted(pair.unit for pair in row.pairs) == PLANTED
    assert all(pair.unit == pair.pose for pair in row.pairs)
    assert row.units == len(UNITS)
    assert row.share == 0.5
    assert row.worst.pearson > 0.95  # the planted bias cuts some of it
    assert row.permuted.value < 0.65  # turned by some multiple of 60 degrees
    low, high = row.pearson.ci95
    assert low <= row.pearson.value <= high
    assert low > row.permuted.ci95[1]


def test_every_unit_and_every_pose_has_its_nearest(planted_run):
    result, _ = planted_run
    assert len(result.nearest) == sum(result.sites.values()) == 18
    assert (
        sorted(
            name
            for name, match in result.nearest.items()
            if match["family"] == "curve" and match["corresponds"]
        )
        == PLANTED
    )
    assert (
        {family: len(units) for family, units in result.poses.items()}
        == result.families
        == {"gabor": 12, "curve": 6}
    )
    assert sorted(each["unit"] for each in result.poses["curve"]) == PLANTED


def test_it_writes_its_document_and_its_picture(planted_run):
    result, output = planted_run
    assert sorted(path.name for path in output.iterdir()) == [
        MANIFEST,
        "families.json",
        "families.png",
    ]
    document = json.loads((output / "families.json").read_text())
    assert document["format"] == 1
    assert [row["family"] for row in document["layers"]] == [row.family for row in result.layers]
    height, width, _ = imread(output / "families.png").shape
    assert min(height, width) > 500


@pytest.mark.full
def test_the_same_inputs_give_the_same_bytes(planted_run, tmp_path, monkeypatch):
    _, output = planted_run
    host, trained, _ = planted()
    scored(tmp_path / "out", host, trained, monkeypatch)
    for name in ("families.json", "families.png"):
        assert (tmp_path / "out" / name).read_bytes() == (output / name).read_bytes()


def test_a_random_host_has_nothing(tmp_path, monkeypatch):
    sites = {"first": "0", "second": "1", "third": "2"}
    host = host_from_module(tiny_network(), "random", sites, INPUT)
    result = scored(tmp_path / "out", host, trained_circuit(host, UNITS, site="third"), monkeypatch)
    assert result.layers == ()
    assert not any(each["corresponds"] for each in result.nearest.values())
    assert (tmp_path / "out" / "families.png").is_file()


def test_one_picture_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    host, trained, _ = planted()
    with pytest.raises(WorkbenchError, match="pictures: 1; expected two or more"):
        scored(tmp_path / "out", host, trained, monkeypatch, FOUR[:1])
    assert not (tmp_path / "out").exists()


def test_an_interrupt_leaves_no_folder(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    host, trained, _ = planted()
    monkeypatch.setattr(verb, "answers", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scored(tmp_path / "out", host, trained, monkeypatch)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_open_questions_name_a_family_without_a_matched_unit():
    result = SimpleNamespace(
        families={"line": 12, "bend": 24}, layers=[SimpleNamespace(family="line")]
    )
    assert list(open_questions(result)) == [
        "Whether the network has anything like the theory's family bend: no trained unit "
        "corresponds to one of its units."
    ]


@pytest.mark.inceptionv1
@pytest.mark.full
def test_inceptionv1_has_lines_and_curves_where_the_theory_wants_them_and_shuffled_it_has_none(
    inceptionv1, shared, tmp_path, monkeypatch
):
    spec, circuit = (
        ROOT / "specs" / "curve-detectors.yaml",
        ROOT / "circuits" / "inceptionv1" / "curve.yaml",
    )
    pictures = folder(shared / "images" / "imagenet500")[:8]
    request = FamiliesRequest(SubjectFiles(spec, circuit), pictures)
    result = families(request, tmp_path / "out", Work(quiet))
    rows = {(row.family, row.site): row for row in result.layers}
    for family, site in (
        ("gabor", "conv2d0"),
        ("line", "mixed3a"),
        ("early_curve", "mixed3a"),
        ("curve", "mixed3b"),
    ):
        assert rows[family, site].units >= 5
        assert rows[family, site].pearson.ci95[0] > rows[family, site].permuted.ci95[1]
    trained = load_circuit(circuit)
    assert {f"mixed3b:{unit.unit}" for unit in trained.units} <= {
        pair.unit for pair in rows["curve", "mixed3b"].pairs if pair.unit == pair.pose
    }

    host = replace(inceptionv1, network=shuffled(inceptionv1.network))
    shown = answers(
        host,
        compile_spec(load_theory(spec), trained, inceptionv1),
        list(result.sites),
        lambda steps: None,
    )
    assert sum(int(each.corresponds.sum()) for each in nearest(shown).values()) == 0


def shuffled(network: torch.nn.Module) -> torch.nn.Module:
    """A copy whose weights are permuted within each tensor: of the same sizes and the same values,
    and of no use.
    """
    made, generator = copy.deepcopy(network), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:
                weight.copy_(
                    weight.flatten()[torch.randperm(weight.numel(), generator=generator)].reshape(
                        weight.shape
                    )
                )
    return made
