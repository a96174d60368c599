"""A network against itself with three planted edits: all three are named, and nothing else."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.planted import INPUT, SITE, THEORY, UNITS, PlantedHost, planted
from workbench.compiler.compile import compile_spec, compile_terms
from workbench.evaluate.run import scenes
from workbench.evaluate.terms import parts
from workbench.hosts import Host, host_from_module
from workbench.pictures.drawn import drawn
from workbench.report.diff import diff_table
from workbench.score.diff import Diff, likeness
from workbench.spec import TrainedCircuit, dump_circuit
from workbench.verbs import diff as verb
from workbench.verbs.diff import diff

TURNED_DEG, STRONGER = 15.0, 3.0
PLACES = {unit.unit: place for place, unit in enumerate(UNITS)}
TURNED, SILENCED, INHIBITED = 1, 4, 8  # channels
# A layer's scale is the drive of its ideal stimulus, a mean over its units: the turned one moves it for all, by a ten-thousandth.
SCALE_TOLERANCE = 1e-3


@pytest.fixture(scope="module")
def whole() -> PlantedHost:
    return planted()


def edited(whole: PlantedHost, turn: bool = True, silence: bool = True, inhibit: bool = True) -> Host:
    """The planted host, one unit turned, one silenced, and one in which the inhibition by what crosses the arc is stronger."""
    units = tuple(u.model_copy(update={"centre_deg": u.centre_deg + TURNED_DEG}) if turn and u.unit == TURNED else u for u in UNITS)
    other = planted(units=units)
    network, stage = other.host.network, other.host.network.get_submodule(SITE)
    if inhibit:
        terms = compile_terms(other.spec, other.trained, other.host)
        place, last = PLACES[INHIBITED], stage.circuit.layers[-1]
        weight = last.reads[0].weight.clone()
        weight[place] += (STRONGER - 1) * terms["gabor[1]"].layers[-1].reads[0].weight[place]
        reads = (replace(last.reads[0], weight=weight),)
        stage.circuit = replace(stage.circuit, layers=(*stage.circuit.layers[:-1], replace(last, reads=reads)))
        stage.weights[: weight.numel()] += 1  # the fingerprint is of the tensors
    if silence:
        stage.gain[PLACES[SILENCED]] = 0.0
        stage.bias[PLACES[SILENCED]] = 0.0
    return host_from_module(network, "edited", other.host.sites, INPUT, other.host.classes)


def compared(folder: Path, a: Host, b: Host, units: TrainedCircuit, spec_text: str) -> Diff:
    """B's circuit file says the same as A's: what is edited must be seen."""
    (folder / "planted.yaml").write_text(spec_text)
    files = []
    for host in (a, b):
        files.append(folder / f"circuit-{host.name}.yaml")
        dump_circuit(units.model_copy(update={"host": host.name, "fingerprint": host.fingerprint}), files[-1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verb, "load", {host.name: host for host in (a, b)}.__getitem__)
        pictures, fit = drawn(5, seed=2), drawn(6, seed=1)
        stage = lambda *_: lambda _: None  # noqa: E731
        return diff((a.name, b.name), folder / "planted.yaml", files, pictures, fit, fit, folder / "out", stage, lambda *_: None)


@pytest.fixture(scope="module")
def found(tmp_path_factory, whole) -> tuple[Path, Diff]:
    folder = tmp_path_factory.mktemp("diff")
    return folder, compared(folder, whole.host, edited(whole), whole.trained, THEORY)


def test_the_three_edits_are_named_and_nothing_else(found):
    _, result = found
    said = list(result.named)
    turned = [line for line in said if line.startswith(f"{SITE}:{TURNED} ")]
    inhibited = [line for line in said if line.startswith(f"{SITE}:{INHIBITED} ")]
    silenced = [line for line in said if line.startswith(f"{SITE}:{SILENCED}:")]
    assert any(re.search(r"turned by 1\d degrees", line) for line in turned), said
    assert any("weight of gabor[1] -" in line for line in inhibited), said
    assert silenced == [f"{SITE}:{SILENCED}: only in A", f"{SITE}:{SILENCED}: only in B"], said
    assert sorted(turned + inhibited + silenced) == sorted(said)


def test_untouched_units_are_the_same(found):
    _, result = found
    same = [pair for pair in result.pairs if pair.a not in (f"{SITE}:{TURNED}", f"{SITE}:{INHIBITED}")]
    assert len(same) == 3
    for pair in same:
        assert pair.a == pair.b
        assert pair.likeness == pytest.approx(1, abs=SCALE_TOLERANCE)
        assert pair.pose_deg[0] == pytest.approx(pair.pose_deg[1], abs=SCALE_TOLERANCE)
        assert max(map(abs, pair.parts.values())) < SCALE_TOLERANCE


def test_what_the_units_are_worth(found):
    _, result = found
    a, b = (result.hosts[name] for name in ("a", "b"))
    assert a["lost"]["value"] > b["lost"]["value"] > 0, "one unit says nothing any more"
    assert a["recovered"]["value"] > 0.99


def test_the_document_and_the_table(found):
    folder, result = found
    told = json.loads((folder / "out" / "diff.json").read_text())
    assert told["named"] == list(result.named)
    assert told["hosts"]["b"]["name"] == "edited"
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(diff_table(result))
    shown = " ".join(console.export_text().split())
    assert "5 units are in both; 1 only in A, 1 only in B" in shown
    assert all(said in shown for said in result.named)


def test_a_network_and_itself_do_not_differ(tmp_path, whole):
    copy = replace(whole.host, name="copy")
    result = compared(tmp_path, whole.host, copy, whole.trained, THEORY)
    assert result.named == ()
    assert len(result.pairs) == len(UNITS)


def test_units_are_matched_by_tuning_and_not_by_channel(tmp_path, whole):
    channels = [unit.unit for unit in UNITS]
    moved = tuple(unit.model_copy(update={"unit": channel}) for unit, channel in zip(UNITS, channels[1:] + channels[:1], strict=True))
    other = planted(units=moved).host
    result = compared(tmp_path, whole.host, replace(other, name="moved"), whole.trained, THEORY)
    assert {pair.a.split(":")[1]: pair.b.split(":")[1] for pair in result.pairs} == {
        str(unit.unit): str(twin.unit) for unit, twin in zip(UNITS, moved, strict=True)
    }


def test_terms_add_up_and_their_weights_are_found(whole):
    host, trained, spec = whole
    terms = compile_terms(spec, trained, host)
    assert list(terms) == ["gabor[0]", "gabor[1]"]
    read = compile_spec(spec, trained, host).layers[-1].reads[0].weight
    np.testing.assert_allclose(sum(term.layers[-1].reads[0].weight for term in terms.values()).numpy(), read.numpy(), atol=1e-12)
    found = parts(scenes(host, terms, drawn(6, seed=1)))
    assert np.all(found["gabor[0]"] > 0.3), "what runs along the arc excites"
    assert np.all(found["gabor[1]"] * -1 < found["gabor[0]"])


def test_likeness_of_a_silent_unit_is_none():
    spoken, silent = np.arange(4.0)[:, None], np.ones((4, 1))
    assert likeness(spoken, spoken)[0, 0] == pytest.approx(1)
    assert likeness(spoken, -spoken)[0, 0] == pytest.approx(-1)
    assert likeness(spoken, silent)[0, 0] == 0
