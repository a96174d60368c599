"""`workbench new`, `hosts show`, and theories that are found by name."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import workbench as wb
from workbench.cli import main
from workbench.cli.new import STARTER
from workbench.score.facts import WITHOUT_SURVEY
from workbench.terminal.options import default_circuit

ROOT = Path(__file__).parents[2]
UNTUNED = 0.4  # mean Pearson of the starter on squeezenet, at the least


def invoke(*words: object) -> Result:
    return CliRunner().invoke(main, list(map(str, words)), prog_name="workbench")


@pytest.fixture
def made(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    result = invoke("new", "mine")
    assert result.exit_code == 0, result.output
    assert "workbench score mine/theory.yaml --circuit mine/circuit.yaml" in result.output
    return tmp_path / "mine"


def test_new_writes_a_theory_that_is_valid_and_short(made):
    assert invoke("check", made / "theory.yaml").exit_code == 0
    text = (made / "theory.yaml").read_text()
    assert 30 <= len(text.splitlines()) <= 40
    assert wb.load_theory(made / "theory.yaml").families == ("gabor", "line", "curve")
    assert text in (ROOT / "specs" / "README.md").read_text()


def test_new_writes_the_shipped_units_without_a_survey(made):
    circuit, shipped = wb.load_circuit(made / "circuit.yaml"), wb.load_circuit("squeezenet/curve")
    assert circuit.found is None
    assert (circuit.host, circuit.site) == (shipped.host, shipped.site)
    assert circuit.fingerprint == shipped.fingerprint
    axes = ("unit", "centre_deg", "radius_px", "shift_px")
    rows = [
        [[getattr(unit, axis) for axis in axes] for unit in each.units]
        for each in (circuit, shipped)
    ]
    assert rows[0] == rows[1]


def test_new_in_a_folder_that_has_a_theory_is_refused(made):
    (made / "circuit.yaml").unlink()
    (made / "theory.yaml").write_text("mine")
    result = invoke("new", made)
    assert result.exit_code == 2
    assert "has theory.yaml already; expected a folder without them" in result.output
    assert sorted(path.name for path in made.iterdir()) == ["theory.yaml"]
    assert set(STARTER) == {"theory.yaml", "circuit.yaml"}


@pytest.mark.full
def test_new_theory_is_scored_above_chance_and_its_poses_are_named(made):
    theory, circuit = wb.load_theory(made / "theory.yaml"), wb.load_circuit(made / "circuit.yaml")
    card = theory.score(circuit, quick=True).card
    assert card.conditions["spliced"].pearson.value > UNTUNED
    assert card.cost.tuned == 0
    assert card.header.circuit["poses_from"] == WITHOUT_SURVEY


def test_hosts_show_prints_the_fingerprint_and_the_sites():
    circuit = wb.load_circuit("squeezenet/curve")
    result = invoke("hosts", "show", "squeezenet")
    assert result.exit_code == 0, result.output
    assert f"fingerprint: {circuit.fingerprint}" in result.output
    assert "27 x 27 cells, one every 8 px, the first at 7 px" in result.output
    facts = json.loads(invoke("hosts", "show", "squeezenet", "--json").stdout)
    assert facts["fingerprint"] == circuit.fingerprint
    (site,) = (site for site in facts["sites"] if site["site"] == "fire5")
    assert (site["channels"], site["positions"]) == (256, [27, 27])
    assert invoke("hosts", "show", "squeezenot").exit_code == 2


@pytest.mark.parametrize("spec", ["curve-detectors", "specs/curve-detectors.yaml"])
def test_a_shipped_theory_is_found_from_any_folder(spec, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke("check", spec)
    assert result.exit_code == 0, result.output
    assert "curve-detectors, gabor -> edge" in result.output


def test_the_default_circuit_is_beside_the_spec_or_in_the_folder_or_shipped(made, monkeypatch):
    spec, shipped = made / "theory.yaml", ROOT / "circuits" / "squeezenet" / "curve.yaml"
    assert default_circuit(spec) == shipped
    for folder in (Path(), made.parent, made):
        place = folder / "circuits" / "squeezenet" / "curve.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(shipped.read_bytes())
        assert default_circuit(spec).resolve() == place.resolve()
