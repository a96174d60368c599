"""`workbench studio`: what it refuses before a page is opened."""

import shutil
import socket
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.shipped import FOLDER
from workbench.cli import main
from workbench.cli import studio as command

ROOT = Path(__file__).parents[2]


def invoke(*words: object) -> Result:
    return CliRunner().invoke(main, ["studio", *map(str, words)], prog_name="workbench")


TOKENS = FOLDER / "tokens"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((TOKENS / "copying.yaml", "--print", "--stimulus", "45,24"), "--stimulus: has no meaning"),
        ((TOKENS / "copying.yaml", "--print", "--worst", "any"), "--worst: has no meaning"),
        ((TOKENS / "copying.yaml", "--host", "minilm"), "in minilm: none is known"),
        ((TOKENS / "previous-token.yaml",), "are known; expected one. Give --circuit"),
        (("line", "--text", ROOT / "README.md"), "--text: has no meaning for a theory of pictures"),
    ],
)
def test_options_of_the_other_kind_and_circuits_in_doubt_are_refused(words, message):
    result = invoke(*words, "--no-browser")
    assert result.exit_code == 2
    assert message in result.output


def test_a_circuit_of_another_host_is_refused():
    circuit = "circuits/tokens/modular_addition/sum.yaml"
    words = TOKENS / "modular-addition.yaml", "--circuit", circuit, "--host", "induction"
    assert f"--host: induction, but {circuit} is of modular_addition" in invoke(*words).output


def test_a_theory_of_tokens_finds_the_one_circuit_with_units_of_its_families(tmp_path):
    def circuit_of(spec: Path) -> Path | None:
        with click.Context(command.studio):
            return command._files(spec, None, None, None, False).circuit_file

    shipped = circuit_of(TOKENS / "modular-addition.yaml")
    assert shipped.parts[-3:] == ("tokens", "modular_addition", "sum.yaml")
    mine = tmp_path / "mine" / "theory.yaml"
    mine.parent.mkdir()
    mine.write_text((TOKENS / "local-attention.yaml").read_text().replace("near", "close"))
    file = tmp_path / "circuits" / "tokens" / "stories260k" / "close.yaml"
    file.parent.mkdir(parents=True)
    near = ROOT / "circuits" / "tokens" / "stories260k" / "near.yaml"
    file.write_text(near.read_text().replace("near:", "close:"))
    assert circuit_of(mine) == file
    mine.write_text("input: tokens\ntheory: [")
    assert circuit_of(mine) is None


def test_a_missing_file_is_refused(tmp_path):
    result = invoke(tmp_path / "none.yaml", "--no-browser")
    assert result.exit_code == 2
    assert "none.yaml" in result.output


def test_a_stimulus_without_print_is_refused():
    assert "without --print" in invoke("line", "--stimulus", "45,24").output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--worst", "any"), "--worst: without --print"),
        (("--print", "--worst", "any", "--stimulus", "45,24"), "--worst: with --stimulus"),
        (("--print", "--worst", "fire5:3"), "--worst: fire5:3; expected any or a unit of"),
    ],
)
def test_a_worst_place_that_cannot_be_printed_is_refused(words, message):
    result = invoke("curve-detectors", *words)
    assert result.exit_code == 2
    assert message in result.output


def test_a_file_that_is_no_picture_is_refused(tmp_path, squeezenet):
    file = tmp_path / "notes.txt"
    file.write_text("no picture")
    result = invoke("curve-detectors", "--print", "--stimulus", file)
    assert result.exit_code == 2
    assert f"{file}: no picture; expected one of JPEG" in " ".join(result.output.split())


@pytest.mark.parametrize("text", ["", "45", "x,y", "nan,24", "45,1"])
@pytest.mark.parametrize("more", [(), ("--print",)])
def test_a_wrong_stimulus_is_refused_before_any_work(monkeypatch, text, more):
    monkeypatch.setattr(command, "_files", lambda *_: pytest.fail("the files were read"))
    result = invoke("line", "--stimulus", text, *more)
    assert result.exit_code == 2, result.output
    assert f"--stimulus: {text!r}; expected degrees and a radius" in result.output


def test_without_the_extra_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "workbench.studio.server", None)
    result = invoke("line", "--no-browser")
    assert result.exit_code == 2
    assert "pip install 'handwritten-weights-workbench[studio]'" in result.output


def test_a_port_that_is_taken_is_refused():
    server = pytest.importorskip(
        "workbench.studio.server", reason="the extra `studio` is not installed"
    )
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(command.WorkbenchError, match=f"--port {port}: cannot be used"):
            server._listening(port)


def test_a_browser_that_has_the_address_is_never_refused():
    server = pytest.importorskip(
        "workbench.studio.server", reason="the extra `studio` is not installed"
    )
    with server._listening(0) as listening:  # before the page answers
        socket.create_connection(listening.getsockname(), timeout=5).close()


def test_a_theory_that_comes_with_the_workbench_is_not_written(tmp_path, monkeypatch):
    assert "copy it first" in command._files(None, None, None, None, False).locked
    monkeypatch.setattr(command, "INSTALLED", tmp_path)
    shipped, mine = tmp_path / "line.yaml", tmp_path.parent / "mine.yaml"
    for file in (shipped, mine):
        shutil.copy(FOLDER / "line.yaml", file)
    for ledger in FOLDER.glob("line.tuned*"):
        shutil.copy(ledger, tmp_path)
        shutil.copy(ledger, tmp_path.parent)
    assert "copy it first" in command._files(shipped, None, None, None, False).locked
    assert command._files(mine, None, None, None, False).locked == ""


def test_a_broken_theory_is_opened_without_trained_units(tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text("theory: [")
    assert command._files(file, None, None, None, False).circuit_file is None
    circuit = ROOT / "circuits" / "squeezenet" / "curve.yaml"
    assert command._files(file, circuit, None, None, False).circuit_file == circuit
