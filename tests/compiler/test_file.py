"""The compiled circuit's file: all of a circuit comes back, and what is no circuit is refused with
its name and what to do.
"""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

from tests.planted import planted
from workbench.compiler import HandwrittenCircuit, compile_spec, read_circuit, write_circuit
from workbench.compiler.file import KEY, to_bytes
from workbench.compiler.header import FORMAT
from workbench.errors import WorkbenchError
from workbench.spec import TrainedUnit
from workbench.tensor_file import CHECKSUM, tensor_bytes

UNITS = tuple(
    TrainedUnit(
        unit=unit, centre_deg=40.0 * unit, radius_px=15.0 + unit, shift_px=(0.5 * unit, -1.0)
    )
    for unit in (2, 7, 5)
)
THEORY = """\
theory: all-that-a-file-holds
families:
  gabor:
    poses:
      orientation_deg: {every: 45, over: 180}
      phase_deg: {every: 90, over: 180}
      scale: [1, 0.7]
      channel: [luma, red-green]
    stride_px: 2
    window_px: 7
    reads: {input: {kernel: gabor, wavelength_px: 5, sigma_px: 1.8}}
    rectify: full
    pool: {over_px: 6, stride_px: 4}
  line:
    poses: {orientation_deg: {every: 45, over: 180}}
    stride_px: 4
    window_px: 12
    reads: {gabor: {along: line, spread_px: 2, extent_px: 5, match: tangent, tolerance_deg: 30}}
    normalise: {across: orientation_deg, floor: 0.05}
    threshold: 0.1
  curve:
    poses: from-circuit
    window_px: 24
    reads:
      gabor: {along: point, match: any, gain: 0.1}
      line: {along: arc, radius_px: 16, spread_px: 4, extent_px: 8,
             match: tangent, tolerance_deg: 20}
"""


@pytest.fixture(scope="module")
def circuit() -> HandwrittenCircuit:
    host, trained, spec = planted(THEORY, UNITS)
    return compile_spec(spec, trained, host)


def test_a_circuit_comes_back_whole(circuit, tmp_path):
    write_circuit(circuit, tmp_path / "curve.safetensors")
    back = read_circuit(tmp_path / "curve.safetensors")
    assert repr(back) == repr(circuit)
    assert (back.theory, back.host, back.site, back.units, back.grid) == (
        circuit.theory,
        "planted",
        "planted",
        (2, 7, 5),
        circuit.grid,
    )
    assert dict(back.facts) == dict(circuit.facts)
    assert [layer.family for layer in back.layers] == ["gabor", "line", "curve"]
    for reread, layer in zip(back.layers, circuit.layers, strict=True):
        assert reread.units == layer.units
        assert list(reread.units.shape) == list(
            layer.units.shape
        )  # the order of the axes is that of the channels
        assert (reread.stride_px, reread.full, reread.pool) == (
            layer.stride_px,
            layer.full,
            layer.pool,
        )
        assert [read.source for read in reread.reads] == [read.source for read in layer.reads]
        for one, other in zip(reread.reads, layer.reads, strict=True):
            assert torch.equal(one.weight, other.weight.float())
        for constant in ("threshold", "ideal"):
            assert torch.equal(getattr(reread, constant), getattr(layer, constant).float())
    assert back.layers[1].normalise.axis == "orientation_deg"
    assert float(back.layers[1].normalise.floor) == pytest.approx(0.05, rel=1e-7)  # float32
    assert to_bytes(back) == to_bytes(circuit)


def test_the_page_of_the_format_holds(circuit, tmp_path):
    """The file has the entries that docs/circuit-file.md requires, under its names."""
    write_circuit(circuit, tmp_path / "c.safetensors")
    with safe_open(tmp_path / "c.safetensors", "pt") as file:
        metadata, names = file.metadata(), set(file.keys())
        assert {file.get_tensor(name).dtype for name in names} == {torch.float32}
        assert list(file.get_tensor("curve<-line").shape) == [3, 4, 7, 7]
    constants = {
        f"{family}/{constant}"
        for family in ("gabor", "line", "curve")
        for constant in ("threshold", "ideal")
    }
    assert names == constants | {
        "line/floor",
        "gabor<-input",
        "line<-gabor",
        "curve<-gabor",
        "curve<-line",
    }
    assert list(metadata) == [KEY]
    header = json.loads(metadata[KEY])
    keys = {"format", "theory", "host", "site", "units", "grid", "facts", "layers", "sha256"}
    assert set(header) == keys
    assert header["grid"] == asdict(circuit.grid)
    assert set(header["facts"]) == {"spec", "circuit", "fingerprint", "numbers"}
    layer_keys = {
        "family",
        "names",
        "poses",
        "shape",
        "stride_px",
        "reads",
        "full",
        "normalise",
        "pool",
    }
    assert {frozenset(layer) for layer in header["layers"]} == {frozenset(layer_keys)}
    page = (Path(__file__).parents[2] / "docs" / "circuit-file.md").read_text()
    assert not [
        key
        for key in (*header, *header["facts"], *layer_keys, *header["grid"])
        if f"`{key}`" not in page
    ]


def rewritten(path: Path, change) -> None:
    """The file with its header or tensors changed, and its checksum made to fit."""
    with safe_open(path, "pt") as file:
        names = file.keys()
        header = json.loads(file.metadata()[KEY])
        tensors = {name: file.get_tensor(name) for name in names}
    del header[CHECKSUM]
    change(header, tensors)
    path.write_bytes(tensor_bytes(tensors, KEY, header))


def edited(path: Path) -> None:
    """The file with its header changed by a tool that does not know the checksum."""
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()[KEY])
        tensors = {name: file.get_tensor(name) for name in [*file.keys()]}
    header["theory"] = "another"
    path.write_bytes(save(tensors, {KEY: json.dumps(header)}))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_in_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


FAULTS = {
    "truncated": (cut, "cannot be read as safetensors"),
    "truncated within its header": (cut_in_header, "cannot be read as safetensors"),
    "empty": (lambda path: path.write_bytes(b""), "cannot be read as safetensors"),
    "a text": (
        lambda path: path.write_text("theory: arcs\nfamilies: {}\n" * 9),
        "cannot be read as safetensors",
    ),
    "no file": (lambda path: path.unlink(), "cannot be read as safetensors"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be read as safetensors"),
    "another safetensors file": (
        lambda path: path.write_bytes(save({"w": torch.zeros(3)})),
        "is no compiled circuit",
    ),
    "another's metadata": (
        lambda path: path.write_bytes(save({"w": torch.zeros(3)}, {"format": "pt"})),
        "is no compiled circuit",
    ),
    "metadata that is no JSON": (
        lambda path: path.write_bytes(save({"w": torch.zeros(3)}, {KEY: "{theory"})),
        "cannot be read",
    ),
    "metadata that is a list": (
        lambda path: path.write_bytes(save({"w": torch.zeros(3)}, {KEY: "[1]"})),
        "is no compiled circuit",
    ),
    "another format": (
        lambda path: rewritten(path, lambda h, t: h.update(format=FORMAT + 1)),
        "is no compiled circuit of this version",
    ),
    "a header edited by another tool": (edited, "was changed after it was written"),
    "a number that JSON does not have": (
        lambda path: path.write_bytes(save({"w": torch.zeros(3)}, {KEY: '{"format": NaN}'})),
        "NaN in the header",
    ),
}

MISFITS = {
    "no layers": (lambda h, t: h.pop("layers"), "expected the key layers"),
    "an empty list of layers": (
        lambda h, t: h.update(layers=[]),
        "layers: []; expected at least 1",
    ),
    "a grid of other words": (
        lambda h, t: h.update(grid={"stride": 8}),
        "grid: no size_px",
    ),
    "a layer without a key": (lambda h, t: h["layers"][0].pop("pool"), "layers[0]: no pool"),
    "a layer that is a number": (lambda h, t: h.update(layers=[5]), "layers[0]: 5"),
    "a key that no reader knows": (
        lambda h, t: h.update(more=1),
        "more: a key that is not known here",
    ),
    "the last layer above those that it reads": (
        lambda h, t: h["layers"].reverse(),
        "layer 'curve': reads: 'gabor'",
    ),
    "a layer twice": (
        lambda h, t: h["layers"].insert(0, h["layers"][0]),
        "layer 'gabor': its name",
    ),
    "two names": (
        lambda h, t: h["layers"][0].update(names=["a", "b"]),
        "layer 'gabor': poses: channel: 32 values",
    ),
    "no poses": (lambda h, t: h["layers"][0].update(poses=None), "layers[0].poses: None"),
    "a pose too few": (
        lambda h, t: h["layers"][2]["poses"]["centre_deg"].pop(),
        "layer 'curve': poses: centre_deg: 2 values",
    ),
    "a pose that is a word": (
        lambda h, t: h["layers"][2]["poses"].update(centre_deg=["a", "b", "c"]),
        "poses: centre_deg: a word",
    ),
    "a pose that is not known": (
        lambda h, t: h["layers"][2]["poses"].update(size=[1, 2, 3]),
        "poses: size: an axis that is not known",
    ),
    "a channel that is not known": (
        lambda h, t: h["layers"][0]["poses"].update(channel=["lumen"] * 32),
        "poses: channel: 'lumen'",
    ),
    "a radius of 0": (
        lambda h, t: h["layers"][2]["poses"].update(radius_px=[1, 0, 1]),
        "poses: radius_px: a number that is not above 0",
    ),
    "a shape of other units": (
        lambda h, t: h["layers"][0].update(shape=[["scale", 3]]),
        "layer 'gabor': shape",
    ),
    "an axis without poses": (
        lambda h, t: h["layers"][0].update(shape=[["size", 32]]),
        "shape: the axis 'size'",
    ),
    "an axis that is not there": (
        lambda h, t: h["layers"][1].update(normalise="scale"),
        "layer 'line': normalise: 'scale'",
    ),
    "stride 0": (
        lambda h, t: h["layers"][0].update(stride_px=0),
        "layers[0].stride_px: 0; expected a number, at least 1",
    ),
    "a stride that is a truth value": (
        lambda h, t: h["layers"][0].update(stride_px=True),
        "layers[0].stride_px: True; expected a whole number",
    ),
    "a stride between cells": (
        lambda h, t: h["layers"][1].update(stride_px=6),
        "layer 'line': stride_px: 6",
    ),
    "a last stride that is not the grid's": (
        lambda h, t: h["layers"][2].update(stride_px=16),
        "layer 'curve': stride_px: 16",
    ),
    "a pool between cells": (
        lambda h, t: h["layers"][0]["pool"].update(stride_px=5),
        "layer 'gabor': pool: stride_px 5",
    ),
    "a pool of the last layer": (
        lambda h, t: h["layers"][2].update(pool={"taps": 1, "stride_px": 8}),
        "layer 'curve': pool",
    ),
    "a source that is not there": (
        lambda h, t: h["layers"][1].update(reads=["gabour"]),
        "layer 'line': reads: 'gabour'",
    ),
    "a source twice": (
        lambda h, t: h["layers"][1].update(reads=["gabor", "gabor"]),
        "layer 'line': reads: a source twice",
    ),
    "a unit twice": (lambda h, t: h.update(units=[2, 2, 5]), "units: a unit twice"),
    "two units": (lambda h, t: h.update(units=[2, 7]), "layer 'curve': names: 3 of them"),
    "vectors of two lengths": (
        lambda h, t: h.update(vectors=[[1.0], [1.0], [1.0, 2.0]]),
        "vectors: of 1 and 2 numbers",
    ),
    "a vector too few": (lambda h, t: h.update(vectors=[[1.0], [1.0]]), "vectors: 2 of them"),
    "a huge number": (
        lambda h, t: h["layers"][2]["poses"].update(radius_px=[1, 10**400, 1]),
        "layers[2].poses.radius_px[1]",
    ),
    "a missing kernel": (lambda h, t: t.pop("curve<-line"), "tensor 'curve<-line': not there"),
    "a missing constant": (lambda h, t: t.pop("line/floor"), "tensor 'line/floor': not there"),
    "a tensor of no layer": (
        lambda h, t: t.update(more=torch.zeros(1)),
        "tensor 'more': of no layer",
    ),
    "rows cut off": (
        lambda h, t: t.update({"curve<-line": t["curve<-line"][:2]}),
        "tensor 'curve<-line': the shape [2, 4, 7, 7]",
    ),
    "columns cut off": (
        lambda h, t: t.update({"curve<-line": t["curve<-line"][..., :6]}),
        "tensor 'curve<-line': the shape",
    ),
    "a constant that is a list": (
        lambda h, t: t.update({"line/ideal": torch.ones(1)}),
        "tensor 'line/ideal': the shape [1]",
    ),
    "whole numbers": (
        lambda h, t: t.update({"curve<-line": t["curve<-line"].int()}),
        "tensor 'curve<-line': int32; expected float32",
    ),
    "weights that are no number": (
        lambda h, t: t["curve<-line"][0, 0, 0].fill_(torch.nan),
        "tensor 'curve<-line': numbers that are not",
    ),
    "an infinite constant": (
        lambda h, t: t["line/ideal"].fill_(torch.inf),
        "tensor 'line/ideal': numbers that are not finite",
    ),
    "an ideal of 0": (
        lambda h, t: t["line/ideal"].fill_(0),
        "tensor 'line/ideal': 0; expected a number above 0",
    ),
    "a threshold of 1": (
        lambda h, t: t["line/threshold"].fill_(1),
        "tensor 'line/threshold': 1; expected a number below 1",
    ),
    "a floor of 0": (lambda h, t: t["line/floor"].fill_(0), "tensor 'line/floor'"),
}


@pytest.mark.parametrize(("spoil", "problem"), FAULTS.values(), ids=FAULTS)
def test_what_is_no_circuit_is_refused_with_its_name_and_what_to_do(
    circuit, tmp_path, spoil, problem
):
    path = tmp_path / "curve.safetensors"
    write_circuit(circuit, path)
    spoil(path)
    with pytest.raises(WorkbenchError) as caught:
        read_circuit(path)
    assert caught.value.where.startswith(str(path))
    assert problem in str(caught.value)
    assert caught.value.remedy == "Compile it again."


@pytest.mark.parametrize(("change", "problem"), MISFITS.values(), ids=MISFITS)
def test_read_circuit_header_and_tensors_that_do_not_fit_are_refused(
    circuit, tmp_path, change, problem
):
    path = tmp_path / "curve.safetensors"
    write_circuit(circuit, path)
    rewritten(path, change)
    with pytest.raises(WorkbenchError) as caught:
        read_circuit(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert problem in str(caught.value)
    assert caught.value.remedy == "Compile it again."


def test_a_file_is_written_whole_or_not_at_all(circuit, tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    with pytest.raises(WorkbenchError, match="is a folder; expected a file to write"):
        write_circuit(circuit, path)
    assert list(tmp_path.iterdir()) == [path]
