"""`workbench compile` and `workbench show` of theories of tokens."""

import json

import pytest
from click.testing import CliRunner
from safetensors.torch import load_file

from tests.sequences.planted import THEORY, copying_circuit, planted_host
from workbench.cli import main
from workbench.sequences import subject

WEIGHTS = ["blocks.1.attn.W_K[0]", "blocks.1.attn.W_Q[0]"]


@pytest.fixture
def files(tmp_path, monkeypatch):
    host = planted_host()
    monkeypatch.setattr(subject, "load", lambda name: host)
    (tmp_path / "copying.yaml").write_text(THEORY)
    circuit = copying_circuit(host).model_dump(mode="json", exclude_none=True)
    (tmp_path / "circuit.yaml").write_text(json.dumps(circuit))
    return tmp_path


def invoke(files, command, *words, file="copying.yaml", circuit="circuit.yaml"):
    given = ["--circuit", str(files / circuit)] if circuit else []
    return CliRunner().invoke(main, [command, str(files / file), *given, *map(str, words)])


def test_the_weights_are_written_and_their_shapes_are_printed(files):
    output = files / "part.safetensors"
    result = invoke(files, "compile", "--part", "follower", "-o", output)
    assert result.exit_code == 0, result.output
    assert sorted(load_file(output)) == WEIGHTS
    assert "blocks.1.attn.W_Q[0]: 48x24" in result.output
    assert f"2,304 weights: {output}" in result.output
    again = files / "again.safetensors"
    assert invoke(files, "compile", "--part", "follower", "-o", again).exit_code == 0
    assert again.read_bytes() == output.read_bytes()


def test_all_heads_are_the_default(files):
    output = files / "part.safetensors"
    assert invoke(files, "compile", "-o", output).exit_code == 0
    assert sorted(load_file(output)) == ["blocks.0.attn.W_K[0]", "blocks.0.attn.W_Q[0]", *WEIGHTS]


def test_a_theory_and_a_compiled_file_show_the_same(files):
    compiled, first, second = (files / name for name in ("part.safetensors", "1.png", "2.png"))
    assert invoke(files, "compile", "--part", "follower", "-o", compiled).exit_code == 0
    of_theory = invoke(files, "show", "--part", "follower", "-o", first)
    of_file = invoke(files, "show", "-o", second, file="part.safetensors", circuit=None)
    assert (of_theory.exit_code, of_file.exit_code) == (0, 0), of_theory.output + of_file.output
    assert of_theory.output.splitlines()[:-1] == of_file.output.splitlines()[:-1]
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("command", "words", "circuit", "message"),
    [
        ("compile", ("--part", "folower"), "circuit.yaml", "Did you mean 'follower'?"),
        ("compile", ("--part", "whole"), "circuit.yaml", "whole has no weights"),
        ("show", ("--family", "follower"), "circuit.yaml", "--family: has no meaning"),
        ("show", (), None, "no circuit"),
    ],
)
def test_bad_input_is_refused_in_one_line(files, command, words, circuit, message):
    result = invoke(files, command, *words, "-o", files / "out", circuit=circuit)
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_an_altered_file_is_refused(files):
    output = files / "part.safetensors"
    assert invoke(files, "compile", "--part", "follower", "-o", output).exit_code == 0
    content = bytearray(output.read_bytes())
    content[-1] ^= 1
    output.write_bytes(content)
    result = invoke(files, "show", "-o", files / "out.png", file=output.name, circuit=None)
    assert result.exit_code == 2
    assert "was changed after it was written" in result.output


@pytest.mark.parametrize("command", ["compile", "show"])
def test_a_theory_of_pictures_has_no_parts(files, command):
    words = ["curve-detectors", "--circuit", "squeezenet/curve", "--part", "whole"]
    result = CliRunner().invoke(main, [command, *words, "-o", str(files / "out")])
    assert result.exit_code == 2
    assert "--part: has no meaning for a theory of pictures" in result.output
