"""How the process of a command ends: signals, and standard output that cannot be written."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKBENCH = [sys.executable, "-m", "workbench"]
SPEC = ROOT / "specs" / "line.yaml"
FULL = "error: standard output: cannot be written (No space left on device). Files that the"


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["check", str(SPEC)], ["--help"], ["check", "--help"]])
def test_full_standard_output_is_one_line(words, unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*WORKBENCH, *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        )
    assert done.returncode == 2
    assert done.stderr.startswith(FULL)
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("closed", "code"), [(">&-", 2), ("2>&-", 0), ("2>/dev/full", 0), ("| head -0", 0)]
)
def test_closed_streams_end_without_a_traceback(closed, code):
    command = " ".join([*WORKBENCH, "check", str(SPEC), closed])
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr == ("error: standard output: is closed. Send it to a file.\n" * (code == 2))


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_characters_that_the_terminal_lacks_are_escaped(encoding):
    program = """
from workbench.terminal.process import output_checked
with output_checked():
    print("bad\\udcff \u2192 \u2013")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.stderr == b""
    assert done.stdout.startswith(b"bad\\udcff ")
    assert (b"\\u2192" in done.stdout) == (encoding != "utf-8")


WAITS = """
import signal, sys, time
from pathlib import Path
import click
from workbench.result_folder import folder_written_whole
from workbench.terminal.group import Commands

@click.group(cls=Commands)
def main():
    pass

@main.command()
@click.argument("folder", type=Path)
def waits(folder):
    with folder_written_whole(folder):
        print("ready", flush=True)
        time.sleep(60)

main()
"""


def at_a_terminal() -> None:
    """Handle signals as a shell's command does, also where the tests run under `nohup`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def ended(tmp_path: Path, number: int, before: str = "") -> subprocess.CompletedProcess:
    """A run that is sent a signal while it works."""
    process = subprocess.Popen(
        [sys.executable, "-c", before + WAITS, "waits", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=at_a_terminal,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signal_ends_a_run_as_an_interrupt_does(tmp_path, number, code):
    done = ended(tmp_path, number)
    assert done.returncode == code
    assert done.stderr.startswith("interrupted: no file is half-written.")
    assert list(tmp_path.iterdir()) == []


def test_signal_that_is_ignored_stays_ignored(tmp_path):
    """As SIGHUP is under nohup."""
    quick = WAITS.replace("sleep(60)", "sleep(1)")
    done = subprocess.Popen(
        [sys.executable, "-c", quick, "waits", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )
    assert done.stdout is not None
    assert done.stdout.readline() == "ready\n"
    done.send_signal(signal.SIGHUP)
    done.communicate(timeout=30)
    assert done.returncode == 0
    assert (tmp_path / "out").is_dir()
