"""Wrong values for every option and argument of every command, found by click's own introspection.

Each must end in one line and exit code 2, before any work.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from workbench.cli import main
from workbench.terminal.types import Name, OutputFile, OutputFolder, Place

ROOT = Path(__file__).parents[2]
SPEC = str(ROOT / "specs" / "curve-detectors.yaml")
CIRCUIT = str(ROOT / "circuits" / "squeezenet" / "curve.yaml")
# a right value of every required argument and option, by its name
RIGHT = {
    "spec_file": SPEC,
    "spec_files": SPEC,
    "file": SPEC,
    "subject": SPEC,
    "circuit_file": CIRCUIT,
    "host_name": "squeezenet",
    "host_a": "squeezenet",
    "host_b": "squeezenet",
    "name": "squeezenet",
    "directory": "nowhere",
    "gib": "1",
    "output": "out",
}
# "\udcff" is the byte 0xff of a command line, which is no UTF-8
NAMES = ["", " ", "a\0b", "a\nb", "\udcff", "x" * 300, "\x1b[31m"]
DEVICES = ["gpu", "cuda:x", "cuda:99999999999"]
PATHS = ["", "a\0b", "x" * 300, "FIFO", "LOOP"]
NUMBERS = ["", "x", "-1", "nan", "inf", "-inf", "1e400", "1e999", "0x1", "1,5"]
WHOLE = [*NUMBERS, "1.5", str(2**64), "9" * 5000]


@dataclass(frozen=True)
class Case:
    """A wrong value: the words of the command, the name of the parameter, and the value."""

    words: tuple[str, ...]
    parameter: str
    value: str
    arguments: tuple[str, ...]

    @property
    def label(self) -> str:
        return f"{' '.join(self.words)} {self.parameter} {self.value[:12]!a}"


def prepare(folder: Path) -> None:
    """Make the files and folders that wrong values name."""
    os.mkfifo(folder / "FIFO")
    (folder / "LOOP").symlink_to("LOOP")
    (folder / "FILE").write_text("mine")
    (folder / "FOLDER").mkdir()
    (folder / "FOLDER" / "notes.md").write_text("mine")
    (folder / "bad\udcff").write_text("mine")


def leaves(group: click.Group = main, above: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Every command that is no group, with its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*above, name))
        else:
            yield (*above, name), command


def wrong_values(parameter: click.Parameter) -> list[str]:
    """Values that this parameter must refuse."""
    kind = parameter.type
    if isinstance(kind, OutputFile):
        return [*PATHS, "FOLDER", "FILE/below", "FILE/"]
    if isinstance(kind, OutputFolder):
        return [*PATHS, "FILE", "FILE/below", "/dev/null", "bad\udcff"]
    if isinstance(kind, Place):
        return PATHS
    if isinstance(kind, Name):
        return [*NAMES, *(DEVICES if parameter.name == "device" else [])]
    if isinstance(kind, click.IntRange):
        return [*WHOLE, str((kind.min or 0) - 1)]
    if isinstance(kind, click.FloatRange):
        return NUMBERS
    if isinstance(kind, click.Choice):
        return ["", "none", "\udcff"]
    if parameter.name == "bound":  # FAMILY=FILE
        return ["", "=", "line=", "=x", *(f"line={path}" for path in PATHS if path)]
    if parameter.name == "required":  # FIGURE>=NUMBER|WORD
        return ["", ">=", "pearson", "pearson>=", ">=0.5", "pearson>=high", "perason>=0.5", "\0>=1"]
    if parameter.name == "stimulus_text":  # DEG,PX
        return ["", ",", "30", "30,", ",24", "x,y", "30,24,1", "nan,24", "30,inf"]
    raise AssertionError(f"{parameter.name}: a type without wrong values ({kind})")


def cases() -> Iterator[Case]:
    """Every wrong value of every parameter of every command."""
    for words, command in leaves():
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.is_flag:
                continue
            for value in wrong_values(parameter):
                arguments = _arguments(command, parameter, value)
                yield Case(words, parameter.name or "", value, arguments)


def _arguments(command: click.Command, wrong: click.Parameter, value: str) -> tuple[str, ...]:
    arguments, options = list[str](), list[str]()
    for parameter in command.params:
        if parameter is not wrong and not parameter.required:
            continue
        given = value if parameter is wrong else RIGHT[parameter.name or ""]
        if isinstance(parameter, click.Option):
            options += [parameter.opts[0], given]
        else:
            arguments.append(given)
    return (*options, "--", *arguments)


def check(case: Case, invoke: Callable) -> None:
    """Assert that a case is refused in one line, by exit code 2."""
    result = invoke(main, [*case.words, *case.arguments], prog_name="workbench")
    assert isinstance(result.exception, SystemExit), (case.label, result.exc_info)
    assert result.exit_code == 2, (case.label, result.output)
    last = result.stderr.strip().splitlines()[-1]
    assert last.lower().startswith("error: "), (case.label, result.stderr)
    assert not result.stdout, case.label
