"""`workbench studio`: what it refuses before a page is opened."""

import shutil
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.shipped import FOLDER
from workbench.cli import main
from workbench.cli import studio as command

ROOT = Path(__file__).parents[2]


def invoke(*words: object) -> Result:
    return CliRunner().invoke(main, ["studio", *map(str, words)], prog_name="workbench")


def test_a_theory_of_tokens_is_refused():
    result = invoke(FOLDER / "tokens" / "copying.yaml")
    assert result.exit_code == 2
    assert "is a theory of tokens; expected a theory of pictures" in result.output


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


def test_a_theory_that_comes_with_the_workbench_is_not_written(tmp_path, monkeypatch):
    assert "copy it first" in command._files(None, None, None, False).locked
    monkeypatch.setattr(command, "INSTALLED", tmp_path)
    shipped, mine = tmp_path / "line.yaml", tmp_path.parent / "mine.yaml"
    for file in (shipped, mine):
        shutil.copy(FOLDER / "line.yaml", file)
    for ledger in FOLDER.glob("line.tuned*"):
        shutil.copy(ledger, tmp_path)
        shutil.copy(ledger, tmp_path.parent)
    assert "copy it first" in command._files(shipped, None, None, False).locked
    assert command._files(mine, None, None, False).locked == ""


def test_a_broken_theory_is_opened_without_trained_units(tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text("theory: [")
    assert command._files(file, None, None, False).circuit_file is None
    circuit = ROOT / "circuits" / "squeezenet" / "curve.yaml"
    assert command._files(file, circuit, None, False).circuit_file == circuit
