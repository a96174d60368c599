"""Slots: channels and directions are read and written, and a planted direction is found as one."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.planted import (
    INPUT,
    SITE,
    THEORY,
    PlantedHost,
    mixed_host,
    mixed_units,
    planted,
    trained_circuit,
)
from workbench.analyses.polysemanticity.run import PolysemanticityRequest, polysemanticity
from workbench.analyses.request import ReportRequest
from workbench.analyses.usage.part import part as usage_part
from workbench.compiler import compile_spec, read_circuit, write_circuit
from workbench.compiler.bind import ideal_responses
from workbench.compiler.compile import trained_units
from workbench.compiler.file import to_bytes
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import calibrated
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.hosts import Host
from workbench.matching import subject as matching_subject
from workbench.matching.subject import Subject, SubjectFiles, matched_units
from workbench.score.recovery import recovered
from workbench.score.score import Spliced, score
from workbench.score.scorecard import Scorecard
from workbench.spec import TrainedCircuit, dump_circuit
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import natural, zero
from workbench.splice.edit import edit_trained
from workbench.splice.network import SplicedNetwork
from workbench.splice.slots import Channels, Directions, Slots, channels_of, slots_of
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import tuning
from workbench.work import Work

FLOAT32 = 2e-4  # activations up to 20, mixed and mixed back in float32
ROUNDING = 1e-5  # float32 sums of a dozen products about 1
EXACT = 1e-12  # the same in float64
FIGURES = 2e-3  # of scores: calibration and the planted gain of 40 amplify that rounding
LOW = 0.5  # of what a wrong direction stays below
SHAPES = [(5,), (4, 6), (2, 3, 4)]


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def rotation(channels: int, seed: int = 0) -> Tensor:
    """A random orthogonal matrix, in float64."""
    return torch.linalg.qr(noise(channels, channels, seed=seed, dtype=torch.float64))[0]


def as_vectors(rows: Tensor) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in rows.tolist())


@pytest.mark.parametrize("shape", SHAPES)
def test_channels_read_and_write_are_indexing_to_the_bit(shape):
    slots, activation, values = Channels((4, 1)), noise(3, 6, *shape), noise(3, 2, *shape, seed=1)
    before, written = activation.clone(), slots.write(values, activation)
    assert torch.equal(slots.read(activation), activation[:, [4, 1]])
    assert torch.equal(slots.read(written), values)
    assert torch.equal(written[:, [0, 2, 3, 5]], before[:, [0, 2, 3, 5]])
    assert torch.equal(activation, before)
    assert len(slots) == 2


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("orthogonal", [True, False])
def test_directions_read_back_what_was_written(shape, orthogonal):
    rows = rotation(6)[:3] if orthogonal else noise(3, 6, seed=2, dtype=torch.float64)
    slots, unit = Directions(as_vectors(7 * rows)), rows / rows.norm(dim=1, keepdim=True)
    activation, values = (
        noise(2, 6, *shape, dtype=torch.float64),
        noise(2, 3, *shape, seed=1, dtype=torch.float64),
    )
    before, written = activation.clone(), slots.write(values, activation)
    naive = torch.stack([(unit[u, :, None] * activation.flatten(2)).sum(1) for u in range(3)], 1)
    torch.testing.assert_close(slots.read(activation).flatten(2), naive, rtol=0, atol=EXACT)
    torch.testing.assert_close(slots.read(written), values, rtol=0, atol=EXACT)
    torch.testing.assert_close(
        slots.write(slots.read(activation), activation), activation, rtol=0, atol=EXACT
    )
    across = torch.linalg.svd(rows)[2][3:]  # what is orthogonal to every direction
    change = (written - before).flatten(2)
    assert (across @ change).abs().max() < EXACT
    assert torch.equal(activation, before)


def test_directions_write_one_direction_adds_along_it():
    vector = noise(4, dtype=torch.float64)
    vector /= vector.norm()
    slots, activation = Directions(as_vectors(vector[None])), noise(2, 4, 3, dtype=torch.float64)
    value = noise(2, 1, 3, seed=1, dtype=torch.float64)
    expected = activation + (value - slots.read(activation)) * vector[None, :, None]
    torch.testing.assert_close(slots.write(value, activation), expected, rtol=0, atol=EXACT)


def test_directions_keep_the_type_of_the_activation():
    slots = Directions(as_vectors(rotation(4)[:2]))
    activation = noise(2, 4, 3).to(torch.bfloat16)
    assert slots.read(activation).dtype == torch.bfloat16
    assert slots.write(noise(2, 2, 3), activation).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (((1.0, 0.0), (2.0, 0.0)), "linearly dependent"),
        (((1.0, 0.0), (0.0, 1.0), (1.0, 1.0)), "linearly dependent"),
        (((1.0, 0.0), (0.0, 0.0)), "length 0"),
        (((1.0, float("nan")),), "no number"),
    ],
)
def test_directions_that_cannot_all_be_written_are_refused(vectors, message):
    with pytest.raises(WorkbenchError, match=message):
        Directions(vectors)


def test_channels_of_directions_is_refused():
    assert channels_of(Channels((3, 1)), "export") == (3, 1)
    with pytest.raises(WorkbenchError, match="export: units that are directions"):
        channels_of(Directions(((1.0, 0.0),)), "export")


class Mixed(NamedTuple):
    """A planted host whose site is mixed by a rotation, which the next stage undoes.

    What was a channel is a direction: a column of `matrix`.
    """

    host: Host
    matrix: Tensor

    def trained(self, toy: PlantedHost, channels: list[int] | None = None) -> TrainedCircuit:
        """The planted units, as the directions that these channels have become."""
        channels = channels or [unit.unit for unit in toy.trained.units]
        units = mixed_units(toy, self.matrix, channels)
        return trained_circuit(self.host, units)


@pytest.fixture(scope="module")
def toy() -> PlantedHost:
    return planted()


@pytest.fixture(scope="module")
def mixed(toy) -> Mixed:
    matrix = rotation(12)
    return Mixed(mixed_host(toy, matrix), matrix)


class Scored(NamedTuple):
    splices: Splices
    statistics: Statistics
    card: Scorecard

    @property
    def pearson(self) -> float:
        return float(np.mean([unit.pearson for unit in self.card.units]))


def scored(host: Host, trained: TrainedCircuit, toy: PlantedHost) -> Scored:
    circuit, calibration = compile_spec(toy.spec, trained, host), drawn(4, seed=1)
    splices = calibrated(host, circuit, calibration)
    statistics = evaluate(host, [splices], drawn(6, seed=2))
    curves = tuning(host, splices, step_deg=90)
    spliced = Spliced([toy.spec], [trained], host, [splices])
    return Scored(splices, statistics, score(spliced, statistics, [curves], calibration))


@pytest.fixture(scope="module")
def channels(toy) -> Scored:
    return scored(toy.host, toy.trained, toy)


@pytest.fixture(scope="module")
def directions(toy, mixed) -> Scored:
    return scored(mixed.host, mixed.trained(toy), toy)


def test_directions_of_a_mixed_site_are_the_planted_channels(toy, mixed):
    circuit = compile_spec(toy.spec, mixed.trained(toy), mixed.host)
    x = batch(drawn(3, seed=2), INPUT)
    plain = toy.host.activations(x, SITE)[SITE][:, list(circuit.units)]
    site = mixed.host.activations(x, SITE)[SITE]
    torch.testing.assert_close(slots_of(circuit).read(site), plain, rtol=0, atol=FLOAT32)
    assert (site[:, list(circuit.units)] - plain).abs().max() > 1


def test_scores_of_directions_are_those_of_the_channels(channels, directions):
    assert isinstance(directions.splices.slots, Directions)
    assert list(directions.statistics.rows) == list(channels.statistics.rows)
    for name, rows in channels.statistics.rows.items():
        for quantity in ("kl", "agreement", "consumer", "changed"):
            np.testing.assert_allclose(
                directions.statistics.rows[name][quantity],
                rows[quantity],
                rtol=FIGURES,
                atol=FIGURES,
                err_msg=f"{name} {quantity}",
            )
    for unit, plain in zip(directions.card.units, channels.card.units, strict=True):
        assert (unit.unit, unit.pose) == (plain.unit, plain.pose)
        for figure in ("pearson", "explained_variance", "top_overlap", "gain", "bias"):
            expected = pytest.approx(getattr(plain, figure), rel=FIGURES, abs=FIGURES)
            assert getattr(unit, figure) == expected, figure
    assert directions.card.headline.value == pytest.approx(
        channels.card.headline.value, abs=FIGURES
    )
    assert directions.pearson > 1 - FIGURES


def test_scores_of_wrong_directions_are_low(toy, mixed, directions):
    """The directions that other channels have become."""
    others = [channel for channel in range(12) if channel not in directions.splices.units]
    wrong = scored(mixed.host, mixed.trained(toy, others), toy)
    assert wrong.pearson < LOW < directions.pearson
    lost = [
        recovered(each.statistics, "spliced", "ablated.zero", "kl").value
        for each in (wrong, directions)
    ]
    assert lost[0] < LOW < lost[1]


@pytest.mark.parametrize("condition", [natural, zero], ids=["natural", "zero"])
def test_spliced_network_with_directions_is_the_one_with_channels(toy, mixed, condition):
    x = batch(drawn(3, seed=2), INPUT)
    logits = []
    for host, trained in ((toy.host, toy.trained), (mixed.host, mixed.trained(toy))):
        circuits = {"spliced": compile_spec(toy.spec, trained, host)}
        with torch.inference_mode():
            logits.append(SplicedNetwork(host, (circuits, condition))(x))
    torch.testing.assert_close(logits[1], logits[0], rtol=0, atol=FLOAT32)


def test_a_circuit_of_directions_comes_back_from_its_file(toy, mixed, tmp_path):
    circuit = compile_spec(toy.spec, mixed.trained(toy), mixed.host)
    write_circuit(circuit, tmp_path / "circuit.safetensors")
    back = read_circuit(tmp_path / "circuit.safetensors")
    assert back.vectors == circuit.vectors
    assert slots_of(back) == slots_of(circuit)
    plain = compile_spec(toy.spec, toy.trained, toy.host)
    assert b"vectors" in to_bytes(circuit)
    assert b"vectors" not in to_bytes(plain)


def test_directions_of_another_number_of_channels_are_refused(toy, mixed):
    units = [unit.model_copy(update={"vector": (1.0, 2.0)}) for unit in toy.trained.units]
    with pytest.raises(WorkbenchError, match="one for each of the 12 channels of planted"):
        compile_spec(toy.spec, trained_circuit(mixed.host, units), mixed.host)


def test_an_edit_of_the_weights_of_directions_is_refused(toy, mixed):
    trained = mixed.trained(toy)
    with pytest.raises(WorkbenchError, match="a direction has no weights of its own"):
        edit_trained(mixed.host, trained, None, [trained])


def test_what_needs_channels_refuses_directions_before_anything_runs(
    toy, mixed, tmp_path, monkeypatch
):
    trained = mixed.trained(toy)
    circuit = compile_spec(toy.spec, trained, mixed.host)
    files = tmp_path / "theory.yaml", tmp_path / "circuit.yaml"
    files[0].write_text(THEORY)
    dump_circuit(trained, files[1])
    monkeypatch.setattr(matching_subject, "load", lambda name: mixed.host)

    def refused(use: str):
        return pytest.raises(WorkbenchError, match=f"units that are channels, for {use}")

    with refused("matching"):
        matched_units(Subject(toy.spec, trained, mixed.host, {}, circuit), Work(stage=never))
    with refused("a response to an ideal stimulus"):
        ideal_responses(mixed.host, trained, trained_units(trained))
    with refused("a comparison with the other channels of the site"):
        asked = PolysemanticityRequest(SubjectFiles(*files), drawn(2, seed=1), drawn(2, seed=2))
        polysemanticity(asked, tmp_path / "out", Work(stage=never))
    with refused("the weights by which next units read them"):
        request = ReportRequest(*files, {}, (), [], [], [])
        usage_part(request, tmp_path, Work(stage=never))


def never(name: str, total: int) -> Callable[[int], None]:
    """A stage that no computation may start."""
    raise AssertionError(f"{name} has started")


def test_slots_have_a_key_that_tells_them_apart():
    """Cache keys hold slots as text."""
    slots: list[Slots] = [
        Channels((0, 1)),
        Channels((1, 0)),
        Directions(((1.0, 0.0), (0.0, 1.0))),
        Directions(((1.0, 1e-9), (0.0, 1.0))),
    ]
    assert len({str(each) for each in slots}) == len(slots)
    assert str(Channels((0, 1))) == str(Channels((0, 1)))
