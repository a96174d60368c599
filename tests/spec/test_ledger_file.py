"""The ledger that a tuned spec names: it is read with the spec, or refused in one clear line."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.shipped import FOLDER, LEDGERS, SPECS
from workbench.errors import WorkbenchError
from workbench.spec import (
    SpecError,
    dumped,
    load_circuit,
    load_file,
    load_theory,
    theory_from_text,
)
from workbench.spec.language import Ledger

INLINE = {
    "circuits": [
        {
            "host": "squeezenet",
            "circuit": "c" * 64,
            "pearson": [0.1, 0.2],
            "poses": {"3": {"centre_deg": 10.0, "radius_px": 20.0, "shift_px": [1.0, 2.0]}},
        }
    ],
    "spec": "b" * 64,
    "date": "2026-01-01",
    "steps": 3,
    "seed": 0,
    "written": {"families.gabor.reads.input[0].wavelength_px": 5.0},
    "images": ["0123456789abcdef"],
}
LEDGER = dumped({"ledger": "arcs", **INLINE})


def named(ledger: str, name: str = "arcs.tuned.yaml", digest: str = "") -> str:
    digest = digest or hashlib.sha256(ledger.encode()).hexdigest()
    return f"\ntuned: {{ledger: {name}, sha256: '{digest}'}}\n"


@pytest.fixture
def spec(tmp_path, arcs) -> Path:
    """A spec's file with its ledger beside it."""
    (tmp_path / "arcs.tuned.yaml").write_text(LEDGER)
    (tmp_path / "arcs.yaml").write_text(arcs + named(LEDGER))
    return tmp_path / "arcs.yaml"


def refused(file: Path) -> str:
    """The one line of a spec's error."""
    with pytest.raises(SpecError) as caught:
        load_theory(file)
    (problem,) = caught.value.problems
    assert problem.code == "ledger"
    return str(caught.value).removeprefix(f"{file}:")


def test_load_theory_a_ledger_beside_the_spec_is_one_within_it(spec, arcs):
    inline = theory_from_text(f"{arcs}\n{dumped({'tuned': INLINE})}\n")
    assert load_theory(spec).theory == inline.theory
    assert load_theory(spec).theory.tuned.poses("c" * 64)["3"].radius_px == 20.0
    assert load_theory(spec).theory.tuned.circuits[0].poses["3"].scale is None


def test_load_theory_the_specs_hash_depends_on_the_ledger(spec, arcs):
    before = load_theory(spec).sha256
    changed = LEDGER.replace("20.0", "21.0")
    (spec.parent / "arcs.tuned.yaml").write_text(changed)
    spec.write_text(arcs + named(changed))
    assert load_theory(spec).sha256 != before


def test_load_theory_a_link_finds_the_ledger_beside_it_or_beside_its_file(spec, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    (links / "a.yaml").symlink_to(spec)
    assert load_theory(links / "a.yaml").theory.tuned.steps == 3
    (tmp_path / "blob").write_bytes((tmp_path / "arcs.tuned.yaml").read_bytes())
    os.remove(tmp_path / "arcs.tuned.yaml")
    (links / "arcs.tuned.yaml").symlink_to(tmp_path / "blob")
    assert load_theory(links / "a.yaml").theory.tuned.steps == 3


def test_load_theory_a_missing_ledger_is_refused(spec):
    os.remove(spec.parent / "arcs.tuned.yaml")
    line = spec.read_text().count("\n")
    assert refused(spec) == (
        f"{line}: tuned.ledger: found arcs.tuned.yaml, which does not exist; expected the ledger "
        "that `workbench tune` wrote. Copy it from where the spec came from to "
        f"{spec.parent}."
    )


def test_load_theory_a_changed_ledger_is_refused_with_its_hash(spec):
    before = hashlib.sha256(LEDGER.encode()).hexdigest()
    changed = LEDGER.replace("steps: 3", "steps: 4")
    (spec.parent / "arcs.tuned.yaml").write_text(changed)
    assert refused(spec).partition(" ")[2] == (
        f"tuned.sha256: found {before}, but arcs.tuned.yaml has "
        f"{hashlib.sha256(changed.encode()).hexdigest()}; expected the hash of the ledger. "
        "Restore the ledger, or write this hash here if the change was meant."
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("theory: x\n", "arcs.tuned.yaml:1"),
        (LEDGER.replace("steps: 3", "steps: many"), "steps: found many; expected a whole number"),
        ("a: [", "bad YAML"),
        ("", "an empty file"),
    ],
)
def test_load_theory_a_file_that_is_no_ledger_is_refused(spec, arcs, text, problem):
    (spec.parent / "arcs.tuned.yaml").write_text(text)
    spec.write_text(arcs + named(text))
    message = refused(spec)
    assert "found arcs.tuned.yaml, which is no ledger; expected a tuning ledger. " in message
    assert problem in message


def test_load_theory_a_ledger_that_is_no_text_is_refused(spec):
    (spec.parent / "arcs.tuned.yaml").write_bytes(b"\xff\xfe")
    assert "found arcs.tuned.yaml, which is no UTF-8 text" in refused(spec)


@pytest.mark.parametrize("name", ["../arcs.tuned.yaml", "/etc/passwd", "a/b.yaml", ".."])
def test_load_theory_a_ledger_elsewhere_is_refused(spec, arcs, name):
    spec.write_text(arcs + named(LEDGER, name))
    assert refused(spec).partition(" ")[2] == (
        f"tuned.ledger: found {name}; expected the name of a file in the folder of the spec. "
        "Move the ledger beside the spec, and write its name without folders."
    )


def test_theory_from_text_names_a_ledger_in_its_folder_alone(spec):
    text = spec.read_text()
    assert theory_from_text(text, folder=spec.parent).theory == load_theory(spec).theory
    with pytest.raises(SpecError) as caught:
        theory_from_text(text)
    assert str(caught.value).partition(" ")[2] == (
        "tuned.ledger: found arcs.tuned.yaml, in a text without a folder; expected a file. Load "
        "the spec's file, or give the text's `folder`, where its ledger lies."
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{ledger: a.yaml}", "tuned: found no sha256; expected the key sha256"),
        ("{legder: a.yaml, sha256: '" + "0" * 64 + "'}", "Did you mean 'ledger'?"),
        ("{ledger: a.yaml, sha256: xyz}", "tuned.sha256: found xyz; expected text like"),
        ("{ledger: 5, sha256: '" + "0" * 64 + "'}", "tuned.ledger: found 5; expected text"),
        ("a.yaml", "tuned: found a.yaml; expected a mapping"),
    ],
)
def test_theory_from_text_a_faulty_entry_is_one_problem(arcs, entry, message):
    with pytest.raises(SpecError) as caught:
        theory_from_text(f"{arcs}\ntuned: {entry}\n")
    assert len(caught.value.problems) == 1
    assert message in str(caught.value)


def test_load_theory_a_fault_of_the_ledger_hides_no_other(spec):
    os.remove(spec.parent / "arcs.tuned.yaml")
    spec.write_text(spec.read_text().replace("window_px: 9", "window_px: wide"))
    with pytest.raises(SpecError) as caught:
        load_theory(spec)
    assert [problem.code for problem in caught.value.problems] == ["wrong-type", "ledger"]


def test_a_ledger_is_read_alone_and_refused_in_place_of_a_theory_or_a_circuit(spec):
    file = spec.parent / "arcs.tuned.yaml"
    ledger = load_file(file)
    assert isinstance(ledger, Ledger)
    assert (ledger.ledger, ledger.hosts) == ("arcs", ("squeezenet",))
    for load, kind in ((load_theory, "a theory"), (load_circuit, "a trained circuit")):
        with pytest.raises(WorkbenchError) as caught:
            load(file)
        assert str(caught.value) == (
            f"{file}: is a tuning ledger; expected {kind}. "
            "It is read with the spec that names it: give that spec."
        )


def test_each_shipped_ledger_is_that_of_the_spec_of_its_name():
    tuned = {spec.path.stem: spec for spec in map(load_theory, SPECS) if spec.theory.tuned}
    assert [file.name.partition(".")[0] for file in LEDGERS] == list(tuned)
    for file in LEDGERS:
        spec = tuned[file.name.partition(".")[0]]
        assert f"{{ledger: {file.name}," in spec.text
        assert load_file(file).ledger == spec.theory.theory
        assert len(spec.text.splitlines()) < 170


def test_load_theory_a_copy_of_a_shipped_spec_finds_the_shipped_ledger(tmp_path):
    shipped = FOLDER / "line.yaml"
    (tmp_path / "mine.yaml").write_text(shipped.read_text())
    assert load_theory(tmp_path / "mine.yaml").theory == load_theory(shipped).theory
    assert theory_from_text(shipped.read_text()).theory.tuned is not None


def test_load_theory_a_shipped_ledger_of_another_hash_is_refused(tmp_path):
    text = (FOLDER / "line.yaml").read_text()
    digest = text.partition("sha256: ")[2][:64]
    with pytest.raises(SpecError, match="the hash of the ledger"):
        theory_from_text(text.replace(digest, "f" * 64))
