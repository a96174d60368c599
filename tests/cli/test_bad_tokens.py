"""Theories of tokens with a circuit that does not fit: one line, exit code 2, and no result."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.sequences.planted import LENGTH, THEORY, VOCABULARY, copying_circuit, planted_host
from workbench.cli import main
from workbench.hosts import named
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import at_length, shape_of, transformer_host
from workbench.sequences import subject

ROOT = Path(__file__).parents[2]
CURVE = ROOT / "circuits" / "squeezenet" / "curve.yaml"
COMMANDS = ("score", "claims", "explain", "stepwise", "unexplained", "frontier", "compile", "show")


def other_shape(**options):
    """A network of the planted one's sizes with other options, whose weights are 0."""
    shape = replace(shape_of(planted_host()), **options)
    weights = {name: value * 0 for name, value in Transformer(shape).state_dict().items()}
    return transformer_host("other", shape, weights, LENGTH)


def written(folder, host, change=None):
    """The files of the planted theory and its circuit in `host`, changed."""
    circuit = copying_circuit(host).model_dump(mode="json", exclude_none=True)
    (folder / "copying.yaml").write_text(THEORY)
    (folder / "circuit.yaml").write_text(json.dumps((change or (lambda values: values))(circuit)))
    return folder / "copying.yaml", folder / "circuit.yaml"


def refusal(command, theory, circuit, folder, *words):
    """The line that a command ends with; nothing is written."""
    before = set(folder.rglob("*"))
    output = folder / ("out.png" if command == "show" else "out")
    result = CliRunner().invoke(
        main, [command, str(theory), "--circuit", str(circuit), "-o", str(output), *words]
    )
    lines = [line for line in result.stderr.splitlines() if "━" not in line]
    assert (result.exit_code, len(lines)) == (2, 1), result.stderr
    assert set(folder.rglob("*")) == before
    return lines[0].removeprefix(f"error: {folder}/")


def prompts(**values):
    return lambda circuit: {**circuit, "prompts": {**circuit["prompts"], **values}}


def families(**values):
    return lambda circuit: {**circuit, "families": {**circuit["families"], **values}}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            prompts(vocabulary=VOCABULARY + 1),
            f"circuit.yaml: prompts.vocabulary: {VOCABULARY + 1}; expected at most {VOCABULARY}",
        ),
        (
            prompts(length=LENGTH + 1),
            f"circuit.yaml: prompts.length: prompts of {LENGTH + 1} tokens; expected 1 to {LENGTH}",
        ),
        (families(follower={"heads": ["1.7"]}), "circuit.yaml: families.follower.heads: head 1.7"),
        (lambda circuit: {**circuit, "fingerprint": "0" * 64}, "circuit.yaml: fingerprint: 0000"),
    ],
    ids=["vocabulary", "context", "head", "checkpoint"],
)
def test_a_circuit_that_does_not_fit_is_refused_by_every_command(
    command, change, message, tmp_path, monkeypatch
):
    host = planted_host()
    monkeypatch.setattr(subject, "load", lambda name: host)
    assert refusal(command, *written(tmp_path, host, change), tmp_path).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (families(follower={"heads": ["0.0"]}), "families.follower.heads: 0.0, also of previous"),
        (
            families(previous={"heads": ["1.0"]}, follower={"heads": ["0.0"]}),
            "families.follower.heads: 0.0, which read what previous carried; expected heads of "
            "layer 2 or later",
        ),
        (families(follower={"heads": ["01.0"]}), 'found "01.0"; expected LAYER.HEAD'),
        (prompts(length="long"), 'prompts.length: found "long"; expected a whole number'),
        (prompts(kind="repeat"), "expected a mapping with kind: pairs, repeats, samples or texts"),
        (prompts(string=2), "prompts.string: found 2; expected a number, at least 3"),
        (prompts(string=LENGTH), f"expected a length of {2 * LENGTH} or more"),
        (
            lambda circuit: {**circuit, "prompts": {"kind": "texts", "length": 8}},
            "prompts: the circuit is scored on a text, and none is given",
        ),
        (
            lambda circuit: {**circuit, "prompts": {"kind": "samples", "length": 8}},
            "expected a length of 10 or more",
        ),
    ],
)
def test_a_wrong_value_of_a_circuit_is_one_line(change, message, tmp_path, monkeypatch):
    host = planted_host()
    monkeypatch.setattr(subject, "load", lambda name: host)
    assert message in refusal("score", *written(tmp_path, host, change), tmp_path)


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ({"answer": "embedding"}, None, "answers with an embedding, and the theory writes logits"),
        ({"answer": "last-place"}, None, "prompts.kind: repeats, which are read at many places"),
    ],
)
def test_a_network_that_answers_otherwise_is_refused(
    options, change, message, tmp_path, monkeypatch
):
    host = other_shape(**options)
    monkeypatch.setattr(subject, "load", lambda name: host)
    assert message in refusal("score", *written(tmp_path, host, change), tmp_path)


def test_a_text_that_no_prompt_is_cut_from_is_refused(tmp_path, monkeypatch):
    host = planted_host()
    monkeypatch.setattr(subject, "load", lambda name: host)
    files = written(tmp_path, host)
    text = tmp_path / "text.txt"
    text.write_text("one\n\ntwo\n")
    for command in ("score", "explain", "compile"):
        line = refusal(command, *files, tmp_path, "--text", str(text))
        assert "circuit.yaml declares prompts of kind repeats; expected no text" in line


def test_neurons_of_numbers_need_an_answer_at_the_last_place(tmp_path, monkeypatch):
    host = other_shape(d_mlp=4, mlp="relu")
    monkeypatch.setattr(subject, "load", lambda name: host)
    units = {
        "gather": {"heads": ["0.0"]},
        "number": {"numbers": 11},
        "sum": {"frequency": [2], "layer": 0},
    }
    pairs = {"kind": "pairs", "modulus": 11}
    _, circuit = written(
        tmp_path, host, lambda values: {**values, "prompts": pairs, "families": units}
    )
    theory = ROOT / "specs" / "tokens" / "modular-addition.yaml"
    assert "answers at every place" in refusal("score", theory, circuit, tmp_path)
    host = other_shape(d_mlp=4, mlp="relu", answer="last-place", outputs=11)
    fewer = {**units, "number": {"numbers": 7}}
    _, circuit = written(
        tmp_path, host, lambda values: {**values, "prompts": pairs, "families": fewer}
    )
    assert "families.number.numbers: 7 numbers; expected 11" in refusal(
        "score", theory, circuit, tmp_path
    )


def test_activations_that_are_not_finite_are_refused(tmp_path, monkeypatch):
    host = planted_host()
    shape, weights = shape_of(host), dict(host.network.state_dict())
    weights |= {
        name: value * 1e30 for name, value in weights.items() if name.endswith(("W_Q", "W_K"))
    }
    huge = at_length(transformer_host("huge", shape, weights, LENGTH), LENGTH)
    monkeypatch.setattr(subject, "load", lambda name: huge)
    message = refusal("explain", *written(tmp_path, huge), tmp_path)
    assert "its activations on these prompts are not finite" in message


def test_files_of_pictures_and_files_in_each_others_place_are_told_apart(tmp_path, monkeypatch):
    host = planted_host()
    monkeypatch.setattr(subject, "load", lambda name: host)
    theory, circuit = written(tmp_path, host)
    assert "has no `input: tokens`" in refusal("score", theory, CURVE, tmp_path)
    assert "is a theory; expected a circuit" in refusal("score", theory, theory, tmp_path)
    assert "is a circuit; expected a theory" in refusal("score", circuit, circuit, tmp_path)
    theory.write_text(THEORY.replace("input: tokens", "input: token"))
    assert "found token; expected 'tokens'" in refusal("score", theory, circuit, tmp_path)
    theory.write_text(THEORY.replace("gain: 30", "gain: [1]", 1))
    assert "found [1]; expected a number" in refusal("score", theory, circuit, tmp_path)


def test_a_network_of_the_users_own_file_is_scored_where_it_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named, "TRUSTED", set())
    Path("mine.py").write_text(
        "from tests.sequences.planted import planted_host\n\n\n"
        "def make_host():\n    return planted_host()\n"
    )
    change = {"host": "mine.py:make_host"}
    files = written(tmp_path, planted_host(), lambda circuit: {**circuit, **change})
    for command in COMMANDS:
        line = refusal(command, *files, tmp_path)
        assert "Give --host mine.py:make_host to run it" in line
    assert "--host: mine.py:other, but" in refusal(
        "score", *files, tmp_path, "--host", "mine.py:other"
    )
    words = ["--host", "mine.py:make_host", "-o", "part.safetensors"]
    result = CliRunner().invoke(
        main, ["compile", str(files[0]), "--circuit", str(files[1]), *words]
    )
    assert result.exit_code == 0, result.output
    assert "copying -> mine.py:make_host" in result.output
