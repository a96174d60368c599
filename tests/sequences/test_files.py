"""Files of theories of tokens: every problem at once, each with its place."""

from pathlib import Path

import pytest

from tests.sequences.planted import THEORY
from workbench.sequences.files import (
    is_of_tokens,
    load_token_circuit,
    load_token_theory,
    refuse_unmatched,
    token_theory_from_text,
)
from workbench.shipped import shipped_folder
from workbench.spec.problems import SpecError

SPECS = sorted(Path(shipped_folder(), "specs", "tokens").glob("*.yaml"))
CIRCUITS = sorted(
    file for file in Path(shipped_folder(), "circuits").rglob("*.yaml") if is_of_tokens(file)
)


@pytest.mark.parametrize("file", SPECS, ids=lambda file: file.stem)
def test_a_shipped_theory_loads(file):
    assert load_token_theory(file).theory.about


@pytest.mark.parametrize("file", CIRCUITS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_shipped_circuit_loads(file):
    assert load_token_circuit(file).host == file.parent.name


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as raised:
        token_theory_from_text(text)
    return [(problem.key, problem.code) for problem in raised.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("at: 1, ", "", ("families.previous.looks[0]", "conflict")),
        ("offset, at: 1", "first, at: 1", ("families.previous.looks[0]", "conflict")),
        ("match: same, of: previous", "match: same", ("families.follower.looks[0]", "conflict")),
        ("of: previous", "of: prevous", ("families.follower.looks[0].of", "unknown-family")),
        ("of: previous", "of: answer", ("families.follower.looks[0].of", "unknown-family")),
        ("units: heads", "units: head", ("families.previous.units", "wrong-word")),
        (
            "follower: {match",
            "folower: {match",
            ("families.answer.reads.folower", "unknown-family"),
        ),
        (
            "follower: {match: same",
            "follower: {match: same, harmonics: [0, 1]",
            ("families.answer.reads.follower.harmonics", "conflict"),
        ),
        ("gain: 30}", "gain: {tune: 30}}", ("families.previous.looks[0].gain", "missing-key")),
        ("gain: 30}", "gain: .nan}", ("families.previous.looks[0].gain", "out-of-range")),
        ("input: tokens\n", "", ("", "missing-key")),
        (
            "    means: calibrated\n",
            "    mean: calibrated\n",
            ("families.answer.mean", "unknown-key"),
        ),
    ],
)
def test_a_fault_is_reported_at_its_key(old, new, expected):
    assert old in THEORY
    assert expected in faults(THEORY.replace(old, new, 1))


def test_several_faults_are_reported_together():
    text = THEORY.replace("of: previous", "of: prevous").replace("folower", "x")
    text = text.replace("follower: {match: same, gain", "fellow: {match: same, gain")
    assert len(faults(text)) == 2


def test_a_circuit_that_lacks_a_family_is_refused(tmp_path):
    (circuit,) = [file for file in CIRCUITS if file.stem == "copying"]
    spec = token_theory_from_text(THEORY.replace("previous", "earlier"))
    with pytest.raises(Exception, match="no earlier"):
        refuse_unmatched(spec, load_token_circuit(circuit), circuit)


def test_only_a_file_that_declares_tokens_is_of_tokens(tmp_path):
    file = tmp_path / "theory.yaml"
    file.write_text("theory: curves\nfamilies: {}\n")
    assert not is_of_tokens(file)
    assert not is_of_tokens(tmp_path / "none.yaml")
    file.write_text("theory: copying\ninput: tokens\n")
    assert is_of_tokens(file)
