"""A network compared with itself after three edits: all three are named, and nothing else."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.interrupted import quiet
from tests.planted import INPUT, SITE, THEORY, UNITS, PlantedHost, planted
from workbench.analyses.diff import run as run_module
from workbench.analyses.diff.figures import Diff
from workbench.analyses.diff.match import likeness
from workbench.analyses.diff.run import DiffRequest, diff
from workbench.analyses.diff.table import diff_table
from workbench.analyses.diff.terms import parts
from workbench.cache import Cache
from workbench.compiler.compile import compile_spec
from workbench.compiler.derived import compile_terms
from workbench.evaluate.calibration import stream_inputs
from workbench.hosts import Host, host_from_module
from workbench.spec import TrainedCircuit, dump_circuit, dumped, theory_from_text
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

TURNED_DEG, STRONGER = 15.0, 3.0
FIVE = drawn(5, seed=2)
PLACES = {unit.unit: place for place, unit in enumerate(UNITS)}
TURNED, SILENCED, INHIBITED = 1, 4, 8  # channels
# A layer's scale is the drive of its ideal stimulus, a mean over its units: the turned one moves it
# for all, by a ten-thousandth.
SCALE_TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def whole() -> PlantedHost:
    return planted()


def edited(
    whole: PlantedHost, turn: bool = True, silence: bool = True, inhibit: bool = True
) -> Host:
    """The planted host with one unit turned, one silenced, and one more strongly inhibited.

    The inhibition is by what crosses the arc.
    """
    units = tuple(
        u.model_copy(update={"centre_deg": u.centre_deg + TURNED_DEG})
        if turn and u.unit == TURNED
        else u
        for u in UNITS
    )
    other = planted(units=units)
    network, stage = other.host.network, other.host.network.get_submodule(SITE)
    if inhibit:
        terms = compile_terms(other.spec, other.trained, other.host)
        place, last = PLACES[INHIBITED], stage.circuit.layers[-1]
        weight = last.reads[0].weight.clone()
        weight[place] += (STRONGER - 1) * terms["gabor[1]"].layers[-1].reads[0].weight[place]
        reads = (replace(last.reads[0], weight=weight),)
        stage.circuit = replace(
            stage.circuit, layers=(*stage.circuit.layers[:-1], replace(last, reads=reads))
        )
        stage.weights[: weight.numel()] += 1  # the fingerprint is of the tensors
    if silence:
        stage.gain[PLACES[SILENCED]] = 0.0
        stage.bias[PLACES[SILENCED]] = 0.0
    return host_from_module(network, "edited", other.host.sites, INPUT, other.host.classes)


def compared(
    folder: Path,
    a: Host,
    b: Host,
    units: TrainedCircuit,
    spec_text: str,
    pictures=FIVE,
    stage=quiet,
    cache: Cache | None = None,
) -> Diff:
    """B's circuit file is A's: an edit must be measured, not read."""
    (folder / "planted.yaml").write_text(spec_text)
    files = []
    for host in (a, b):
        files.append(folder / f"circuit-{host.name}.yaml")
        dump_circuit(
            units.model_copy(update={"host": host.name, "fingerprint": host.fingerprint}), files[-1]
        )
    fit = drawn(6, seed=1)
    request = DiffRequest((a.name, b.name), folder / "planted.yaml", files, pictures, fit, fit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_module, "load", {host.name: host for host in (a, b)}.__getitem__)
        patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
        return diff(request, folder / "out", Work(stage, cache=cache))


@pytest.fixture(scope="module")
def edits(tmp_path_factory, whole) -> tuple[Path, Diff]:
    folder = tmp_path_factory.mktemp("diff")
    return folder, compared(folder, whole.host, edited(whole), whole.trained, THEORY)


def test_the_three_edits_are_named_and_nothing_else(edits):
    _, result = edits
    named = list(result.named)
    turned = [line for line in named if line.startswith(f"{SITE}:{TURNED} ")]
    inhibited = [line for line in named if line.startswith(f"{SITE}:{INHIBITED} ")]
    silenced = [line for line in named if line.startswith(f"{SITE}:{SILENCED}:")]
    assert any(re.search(r"turned by 1\d degrees", line) for line in turned), named
    assert any("weight of gabor[1] -" in line for line in inhibited), named
    assert silenced == [f"{SITE}:{SILENCED}: silent in B"], named
    assert sorted(turned + inhibited + silenced) == sorted(named)


def test_untouched_units_are_the_same(edits):
    _, result = edits
    same = [
        pair for pair in result.pairs if pair.a not in (f"{SITE}:{TURNED}", f"{SITE}:{INHIBITED}")
    ]
    assert len(same) == 3
    for pair in same:
        assert pair.a == pair.b
        assert pair.likeness == pytest.approx(1, abs=SCALE_TOLERANCE)
        assert pair.pose_deg[0] == pytest.approx(pair.pose_deg[1], abs=SCALE_TOLERANCE)
        assert max(map(abs, pair.parts.values())) < SCALE_TOLERANCE


def test_ablation_costs_less_with_a_silent_unit(edits):
    _, result = edits
    a, b = (result.hosts[name] for name in ("a", "b"))
    assert a["lost"]["value"] > b["lost"]["value"] > 0, "one unit is silent"
    assert a["recovered"]["value"] > 0.99


def test_the_document_and_the_table(edits):
    folder, result = edits
    document = json.loads((folder / "out" / "diff.json").read_text())
    assert document["named"] == list(result.named)
    assert document["hosts"]["b"]["name"] == "edited"
    assert (document["only_a"], document["only_b"], document["silent_a"], document["silent_b"]) == (
        [f"{SITE}:{SILENCED}"],
        [],
        [],
        [f"{SITE}:{SILENCED}"],
    )
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(diff_table(result))
    shown = " ".join(console.export_text().split())
    assert "5 units are in both; 1 only in A, 0 only in B, 1 silent in B" in shown
    assert all(words in shown for words in result.named)


def test_a_network_and_itself_do_not_differ(tmp_path, whole):
    copy = replace(whole.host, name="copy")
    result = compared(tmp_path, whole.host, copy, whole.trained, THEORY)
    assert result.named == ()
    assert len(result.pairs) == len(UNITS)


def test_units_are_matched_by_tuning_and_not_by_channel(tmp_path, whole):
    channels = [unit.unit for unit in UNITS]
    moved = tuple(
        unit.model_copy(update={"unit": channel})
        for unit, channel in zip(UNITS, channels[1:] + channels[:1], strict=True)
    )
    other = planted(units=moved).host
    result = compared(tmp_path, whole.host, replace(other, name="moved"), whole.trained, THEORY)
    assert {pair.a.split(":")[1]: pair.b.split(":")[1] for pair in result.pairs} == {
        str(unit.unit): str(twin.unit) for unit, twin in zip(UNITS, moved, strict=True)
    }


def test_the_terms_weights_are_found(whole):
    """A term's drive alone has the sign of its gain.

    So a unit that follows the theory has a positive weight of each.
    """
    host, trained, spec = whole
    terms = compile_terms(spec, trained, host)
    follows = parts(stream_inputs(host, terms, drawn(6, seed=1)))
    assert all(np.all(weight > 0.3) for weight in follows.values())
    opposite = planted(
        THEORY.replace("tune: -0.3, min: -1, max: 0", "tune: 0.3, min: 0, max: 1")
    ).host
    opposes = parts(stream_inputs(opposite, terms, drawn(6, seed=1)))
    assert np.all(opposes["gabor[0]"] > 0.3), "what runs along the arc excites here too"
    assert np.all(opposes["gabor[1]"] < -0.3), "what crosses it excites and should inhibit"


RADII = tuple(
    unit.model_copy(update={"radius_px": radius_px})
    for unit, radius_px in zip(UNITS, (12.0, 40.0, 20.0, 25.0, 16.0, 30.0), strict=True)
)
TYPICAL = THEORY.replace("poses: from-circuit", "poses: from-circuit\n    typical_radius_px: 30")


@pytest.mark.parametrize(("text", "units"), [(THEORY, UNITS), (THEORY, RADII), (TYPICAL, RADII)])
def test_terms_add_up(text, units):
    host, trained, spec = planted(text, units)
    terms = compile_terms(spec, trained, host)
    assert list(terms) == ["gabor[0]", "gabor[1]"]
    read = compile_spec(spec, trained, host).layers[-1].reads[0].weight
    np.testing.assert_allclose(
        sum(term.layers[-1].reads[0].weight for term in terms.values()).numpy(),
        read.numpy(),
        atol=1e-12,
    )


@pytest.mark.full
def test_poses_that_were_tuned_on_one_host_do_not_count(tmp_path, whole):
    """The ledger turns that host's units by 20 degrees.

    At those poses its terms would differ from the same network's under another circuit.
    """
    poses = {
        str(unit.unit): {
            "centre_deg": unit.centre_deg + 20,
            "radius_px": 20.0,
            "shift_px": [0.0, 0.0],
        }
        for unit in UNITS
    }
    row = {
        "host": whole.host.name,
        "circuit": whole.trained.sha256,
        "pearson": [0.5, 0.7],
        "poses": poses,
    }
    key = "families.gabor.reads.input[0].wavelength_px"
    ledger = {
        "circuits": [row],
        "spec": "b",
        "date": "d",
        "steps": 1,
        "seed": 0,
        "written": {key: 9.0},
        "images": ["0" * 16],
    }
    tuned = f"{THEORY}\n{dumped({'tuned': ledger})}\n"
    assert (
        compile_spec(theory_from_text(tuned), whole.trained, whole.host)
        .layers[-1]
        .units.poses["centre_deg"][0]
        == UNITS[0].centre_deg + 20
    )
    result = compared(tmp_path, whole.host, replace(whole.host, name="copy"), whole.trained, tuned)
    assert result.named == ()
    assert result.hosts["a"]["recovered"]["value"] > 0.99


def test_likeness_of_a_silent_unit_is_zero():
    active, silent = np.arange(4.0)[:, None], np.ones((4, 1))
    assert likeness(active, active)[0, 0] == pytest.approx(1)
    assert likeness(active, -active)[0, 0] == pytest.approx(-1)
    assert likeness(active, silent)[0, 0] == 0
