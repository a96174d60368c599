"""`workbench export` on the default host: the copy that its file holds is the splice that a score
would make.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from safetensors import safe_open

from tests.planted import EDGES, trained_circuit
from workbench.analyses.propose.site.below import sites_of
from workbench.analyses.propose.site.written import host_of
from workbench.cli import main
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import stream_inputs
from workbench.export.file import KEY, read_exported
from workbench.hosts import Host
from workbench.score.cost import cost
from workbench.spec import TrainedUnit, dump_circuit, load_circuit, load_theory
from workbench.splice.calibrate import calibrate, with_random_readout
from workbench.splice.network import SplicedNetwork
from workbench.tensor_file import tensor_bytes
from workbench.vision.pictures import folder
from workbench.vision.pictures.drawn import drawn

UNITS = (
    TrainedUnit(unit=3, centre_deg=20.0, phase_deg=270.0),
    TrainedUnit(unit=40, centre_deg=250.0, phase_deg=0.0),
)
LOGITS = 1e-4  # float32, of logits up to 20
SEED = 3


@pytest.fixture(scope="module")
def made(squeezenet: Host, tmp_path_factory) -> Path:
    """A folder in which the command has run: edges.yaml, edge.yaml, images and copy.safetensors."""
    place = tmp_path_factory.mktemp("export")
    (place / "edges.yaml").write_text(EDGES)
    dump_circuit(trained_circuit(squeezenet, UNITS, "edge", "conv1"), place / "edge.yaml")
    (place / "images").mkdir()
    for i, picture in enumerate(drawn(4, seed=1)):
        Image.fromarray(picture.load()).save(place / "images" / f"{i}.png")
    result = export(place, place / "copy.safetensors")
    assert result.exit_code == 0, result.output
    assert "squeezenet+edges" in result.output
    assert "conv1 units 3, 40 handwritten" in result.output
    return place


def export(place: Path, output: Path):
    words = [
        "export",
        place / "edges.yaml",
        "--circuit",
        place / "edge.yaml",
        "--calibration",
        place / "images",
        "-o",
        output,
    ]
    return CliRunner().invoke(main, [*map(str, words), "--seed", str(SEED)])


def test_the_copy_is_the_splice_that_a_score_calibrates(squeezenet, made):
    trained, spec, pictures = (
        load_circuit(made / "edge.yaml"),
        load_theory(made / "edges.yaml"),
        folder(made / "images", False),
    )
    circuits = {"spliced": compile_spec(spec, trained, squeezenet)}
    circuits["random"] = with_random_readout(circuits["spliced"], SEED)
    condition = calibrate(circuits, stream_inputs(squeezenet, circuits, pictures), SEED).conditions[
        "spliced"
    ]
    with safe_open(made / "copy.safetensors", "pt") as file:
        header = json.loads(file.metadata()[KEY])
    assert (header["gain"], header["bias"]) == (condition.gain.tolist(), condition.bias.tolist())
    assert (header["spec"], header["circuit"], header["host"]) == (
        spec.sha256,
        trained.sha256,
        "squeezenet",
    )
    assert header["calibration"] == sorted(picture.sha256 for picture in pictures)
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    assert not [key for key in header if f"`{key}`" not in page]

    x = squeezenet.input.encode(
        torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (1, 3, 227, 227))).float()
    )
    copy, spliced = (
        read_exported(made / "copy.safetensors"),
        SplicedNetwork(squeezenet, (circuits, condition)),
    )
    with torch.inference_mode():
        expected = spliced(x)
        torch.testing.assert_close(copy.network(x), expected, rtol=0, atol=LOGITS)
        assert (squeezenet.network(x) - expected).abs().max() > 100 * LOGITS


def test_the_units_of_an_exported_theory_are_handwritten_below_a_proposed_site(squeezenet, made):
    """`propose --below` reads the copy: the same units, and their numbers and bits."""
    copied, trained = read_exported(made / "copy.safetensors"), load_circuit(made / "edge.yaml")
    (site,) = sites_of(squeezenet, made / "copy.safetensors")
    counted = cost(
        load_theory(made / "edges.yaml").theory,
        trained,
        compile_spec(load_theory(made / "edges.yaml"), trained, squeezenet),
    )
    assert (site.facts.site, site.facts.row, site.units) == ("conv1", "edges", (3, 40))
    assert site.facts.numbers == counted.free + counted.poses + counted.calibrated
    assert site.facts.bits == counted.bits
    x = squeezenet.input.batch(folder(made / "images", False)[:1])
    expected, written = (
        host.activations(x, "conv1")["conv1"] for host in (copied, host_of(squeezenet, [site]))
    )
    torch.testing.assert_close(written, expected, rtol=0, atol=LOGITS)


def test_an_exported_network_without_its_cost_is_refused_below_a_site(squeezenet, made, tmp_path):
    with safe_open(made / "copy.safetensors", "pt") as file:
        header = json.loads(file.metadata()[KEY])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
    header = {key: value for key, value in header.items() if key not in ("cost", "sha256")}
    (tmp_path / "old.safetensors").write_bytes(tensor_bytes(tensors, KEY, header))
    with pytest.raises(WorkbenchError, match=r"with its cost.*Export it again"):
        sites_of(squeezenet, tmp_path / "old.safetensors")


def test_the_same_command_gives_the_same_bytes(made):
    assert export(made, made / "again.safetensors").exit_code == 0
    assert (made / "again.safetensors").read_bytes() == (made / "copy.safetensors").read_bytes()


def test_a_file_that_cannot_be_written(made):
    (made / "taken").mkdir()
    result = export(made, made / "taken")
    assert (result.exit_code, "is a folder" in result.output) == (2, True)
    assert not [path for path in made.iterdir() if ".part" in path.name]
