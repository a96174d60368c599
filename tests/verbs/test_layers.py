"""`workbench layers` from end to end: what the host has is found, what it has not is not, and the same inputs give the same bytes."""

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from matplotlib.image import imread

from tests.conftest import tiny_network
from tests.planted import INPUT, SITE, THEORY, UNITS, planted, trained_circuit
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.matching import nearest
from workbench.evaluate.run import BATCH
from workbench.hosts import Host, host_from_module
from workbench.pictures import Picture, folder
from workbench.pictures.drawn import drawn
from workbench.score.layers import Layers
from workbench.spec import TrainedCircuit, dump_circuit, load_circuit, load_theory
from workbench.survey.probes import answers
from workbench.verbs import layers as main_path
from workbench.verbs.layers import layers

ROOT = Path(__file__).parents[2]
FOUR = drawn(4, seed=3)
OWN = sorted(f"{SITE}:{unit.unit}" for unit in UNITS)


def quiet(name: str, total: int):
    return lambda steps: None


def scored(
    output: Path, host: Host, trained: TrainedCircuit, monkeypatch: pytest.MonkeyPatch, pictures: Sequence[Picture] = FOUR, stage=quiet
) -> Layers:
    output.parent.mkdir(exist_ok=True)
    spec, circuit = output.parent / "planted.yaml", output.parent / "curve.yaml"
    spec.write_text(THEORY)
    dump_circuit(trained, circuit)
    monkeypatch.setattr(main_path, "load", lambda name: host)
    return layers(spec, circuit, pictures, output, stage)


@pytest.fixture(scope="module")
def planted_run(tmp_path_factory) -> tuple[Layers, Path]:
    host, trained, _ = planted()
    output = tmp_path_factory.mktemp("planted") / "out"
    with pytest.MonkeyPatch.context() as patch:
        return scored(output, host, trained, patch), output


def test_the_units_that_compute_a_family_are_matched_with_it_each_with_its_own(planted_run):
    found, _ = planted_run
    (row,) = [row for row in found.layers if row.family == "curve"]
    assert row.site == SITE
    assert sorted(pair.unit for pair in row.pairs) == OWN
    assert all(pair.unit == pair.pose for pair in row.pairs)
    assert row.units == len(UNITS)
    assert row.share == 0.5
    assert row.worst.pearson > 0.95  # the planted bias cuts some of it
    assert row.permuted.value < 0.65  # turned by some multiple of 60 degrees
    low, high = row.pearson.ci95
    assert low <= row.pearson.value <= high
    assert low > row.permuted.ci95[1]


def test_every_unit_and_every_pose_has_its_nearest(planted_run):
    found, _ = planted_run
    assert len(found.nearest) == sum(found.sites.values()) == 18
    assert sorted(name for name, each in found.nearest.items() if each["family"] == "curve" and each["corresponds"]) == OWN
    assert {family: len(units) for family, units in found.poses.items()} == found.families == {"gabor": 12, "curve": 6}
    assert sorted(each["unit"] for each in found.poses["curve"]) == OWN


def test_it_writes_its_document_and_its_picture(planted_run):
    found, output = planted_run
    assert sorted(path.name for path in output.iterdir()) == ["layers.json", "layers.png"]
    document = json.loads((output / "layers.json").read_text())
    assert document["format"] == 1
    assert [row["family"] for row in document["layers"]] == [row.family for row in found.layers]
    height, width, _ = imread(output / "layers.png").shape
    assert min(height, width) > 500


def test_the_same_inputs_give_the_same_bytes(planted_run, tmp_path, monkeypatch):
    _, output = planted_run
    host, trained, _ = planted()
    scored(tmp_path / "out", host, trained, monkeypatch)
    for name in ("layers.json", "layers.png"):
        assert (tmp_path / "out" / name).read_bytes() == (output / name).read_bytes()


def test_a_random_host_has_nothing(tmp_path, monkeypatch):
    sites = {"first": "0", "second": "1", "third": "2"}
    host = host_from_module(tiny_network(), "random", sites, INPUT)
    found = scored(tmp_path / "out", host, trained_circuit(host, UNITS, site="third"), monkeypatch)
    assert found.layers == ()
    assert not any(each["corresponds"] for each in found.nearest.values())
    assert (tmp_path / "out" / "layers.png").is_file()


def test_one_picture_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    host, trained, _ = planted()
    with pytest.raises(WorkbenchError, match="pictures: 1; expected two or more"):
        scored(tmp_path / "out", host, trained, monkeypatch, FOUR[:1])
    assert not (tmp_path / "out").exists()


def test_an_interrupt_leaves_no_folder(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    host, trained, _ = planted()
    monkeypatch.setattr(main_path, "answers", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scored(tmp_path / "out", host, trained, monkeypatch)
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == []


def test_an_interrupted_run_goes_on_to_the_same_file(tmp_path, monkeypatch):
    """Pictures whose batch is finished are not read again."""
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    host, trained, _ = planted()
    pictures = drawn(BATCH + 2, seed=3)

    def stopped(name: str, total: int):
        def advance(steps: int) -> None:
            if name == "compare on pictures":
                raise KeyboardInterrupt

        return advance

    scored(tmp_path / "whole" / "out", host, trained, monkeypatch, pictures)
    with pytest.raises(KeyboardInterrupt):
        scored(tmp_path / "again" / "out", host, trained, monkeypatch, pictures, stopped)
    unread = [replace(picture, load=lambda: pytest.fail("read again")) for picture in pictures[:BATCH]]
    scored(tmp_path / "again" / "out", host, trained, monkeypatch, [*unread, *pictures[BATCH:]])
    assert (tmp_path / "again" / "out" / "layers.json").read_bytes() == (tmp_path / "whole" / "out" / "layers.json").read_bytes()
    assert not list((tmp_path / "cache").rglob("*.rows"))


@pytest.mark.inceptionv1
@pytest.mark.full
def test_inceptionv1_has_lines_and_curves_where_the_theory_wants_them_and_shuffled_it_has_none(inceptionv1, shared, tmp_path, monkeypatch):
    spec, circuit = ROOT / "specs" / "curve-detectors.yaml", ROOT / "circuits" / "inceptionv1" / "curve.yaml"
    pictures = folder(shared / "images" / "imagenet500")[:8]
    found = layers(spec, circuit, pictures, tmp_path / "out", quiet)
    rows = {(row.family, row.site): row for row in found.layers}
    for family, site in (("gabor", "conv2d0"), ("line", "mixed3a"), ("early_curve", "mixed3a"), ("curve", "mixed3b")):
        assert rows[family, site].units >= 5
        assert rows[family, site].pearson.ci95[0] > rows[family, site].permuted.ci95[1]
    trained = load_circuit(circuit)
    assert {f"mixed3b:{unit.unit}" for unit in trained.units} <= {
        pair.unit for pair in rows["curve", "mixed3b"].pairs if pair.unit == pair.pose
    }

    host = replace(inceptionv1, network=shuffled(inceptionv1.network))
    shown = answers(host, compile_spec(load_theory(spec), trained, inceptionv1), list(found.sites), lambda steps: None)
    assert sum(int(each.corresponds.sum()) for each in nearest(shown).values()) == 0


def shuffled(network: torch.nn.Module) -> torch.nn.Module:
    """A copy whose weights are permuted within each tensor: of the same sizes and the same values, and of no use."""
    made, generator = copy.deepcopy(network), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:
                weight.copy_(weight.flatten()[torch.randperm(weight.numel(), generator=generator)].reshape(weight.shape))
    return made
