"""Theories of tokens behind the commands that take a theory of either kind."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.requirements import exit_unless_met, requirements_of_tokens, with_outcomes
from workbench.terminal.options import command_line
from workbench.terminal.session import Session

if TYPE_CHECKING:
    from torch import Tensor

    from workbench.sequences.weights.compiled_part import CompiledPart

# parameters of commands that a theory of tokens has a use for
SCORE_OPTIONS = (
    *("spec_files", "circuit_files", "host", "text", "output"),
    *("seed", "as_json", "no_cache", "required", "bound"),
)
TUNE_OPTIONS = (
    *("spec_file", "circuit_files", "hosts", "output"),
    *("steps", "rate", "seed", "no_cache"),
)
COMPILE_OPTIONS = ("spec_file", "circuit_file", "host", "text", "part", "output", "seed")
SHOW_OPTIONS = ("file", "circuit_file", "host", "text", "part", "output", "seed")
EXPORT_OPTIONS = (
    *("spec_file", "circuit_file", "host", "text", "part"),
    *("output", "seed", "no_cache"),
)


def score_of_tokens(
    files: tuple[Path, Path],
    text: Path | None,
    output: Path,
    seed: int,
    as_json: bool,
    required: Sequence[str] = (),
    use_trained: Sequence[str] = (),
) -> None:
    """Score a theory of tokens, write its folder, and print its table or its document.

    Exits with code 3 if one of the requirements `required` is not met.
    """
    from workbench.score.outcomes import outcomes
    from workbench.sequences.document import document, to_json
    from workbench.sequences.files import load_token_theory
    from workbench.sequences.run import rebuild_tokens
    from workbench.sequences.score import TokenRequest
    from workbench.sequences.table import table

    families = load_token_theory(files[0]).theory.families if required else ()
    requirements = requirements_of_tokens(required, tuple(families))
    with Session() as session:
        words = command_line()
        request = TokenRequest(*files, text=text, command=words, use_trained=use_trained)
        card = rebuild_tokens(request, output, session.work(seed, no_cache=True))
    judged = outcomes(document(card), requirements)
    shown = with_outcomes(document(card), judged, to_json(card))
    session.print_result(as_json, shown, table(card), output / "report.html")
    exit_unless_met(judged)


def tune_of_tokens(
    files: tuple[Path, Path], output: Path, steps: int, rate: float, seed: int
) -> None:
    """Fit a theory of tokens to a network, write it with its plot, and print what was fitted."""
    from workbench.sequences.files import load_token_theory
    from workbench.sequences.subject import loaded
    from workbench.sequences.tune import TokenTuneSettings, tuned_lines, tuned_tokens

    spec_file, circuit_file = files
    with Session() as session:
        spec = load_token_theory(spec_file)
        circuit, host, prompts = loaded(spec, circuit_file, seed)
        settings = TokenTuneSettings(steps, rate, seed)
        work = session.work(seed, no_cache=True)
        result = tuned_tokens(spec, circuit, host, prompts.calibration, output, settings, work)
    click.echo("\n".join(tuned_lines(result)))


def export_of_tokens(
    files: tuple[Path, Path], text: Path | None, part: str | None, output: Path, seed: int
) -> None:
    """Write a theory of tokens into a copy of its host, and print what was written."""
    from workbench.export.tokens import export_tokens
    from workbench.sequences.score import TokenRequest

    with Session() as session:
        request = TokenRequest(*files, text=text, command=command_line())
        exported = export_tokens(request, part, output, session.work(seed, no_cache=True))
    copy, made = exported.network, exported.made
    click.echo(
        f"{copy.name}: {exported.name}: {made.words}\n{copy.source}\n"
        f"fingerprint {copy.fingerprint}: {output}"
    )


def compiled_of_tokens(
    files: tuple[Path, Path], text: Path | None, part: str | None, seed: int
) -> "CompiledPart":
    """A part of a theory of tokens compiled into weights. Raises WorkbenchError."""
    from workbench.sequences.files import load_token_theory
    from workbench.sequences.subject import loaded
    from workbench.sequences.weights.compiled_part import compiled_part

    spec_file, circuit_file = files
    spec = load_token_theory(spec_file)
    return compiled_part(spec, *loaded(spec, circuit_file, seed, text), part, seed)


def compile_of_tokens(
    files: tuple[Path, Path], text: Path | None, part: str | None, output: Path, seed: int
) -> None:
    """Write a part of a theory of tokens as weights, and print their names and shapes."""
    from workbench.sequences.weights.file import write_part

    made = compiled_of_tokens(files, text, part, seed)
    write_part(made, output)
    click.echo(f"{made!r}\n{made.weights:,} weights: {output}")


def show_of_tokens(
    files: tuple[Path, Path], text: Path | None, part: str | None, output: Path, seed: int
) -> None:
    """Draw the weights of a part of a theory of tokens, and print their names and shapes."""
    made = compiled_of_tokens(files, text, part, seed)
    _drawn(made.facts, made.tensors, output)


def show_compiled_part(file: Path, output: Path) -> None:
    """Draw the weights of a file that `compile` wrote for a theory of tokens."""
    from workbench.sequences.weights.file import read_part

    _drawn(*read_part(file), output)


def _drawn(facts: "Mapping[str, Any]", tensors: "Mapping[str, Tensor]", output: Path) -> None:
    from workbench.files import write_whole
    from workbench.report.drawing import png
    from workbench.sequences.report.weights import draw_weights
    from workbench.sequences.weights.compiled_part import described

    write_whole(output, png(draw_weights(tensors)))
    click.echo(f"{described(facts, tensors)}\n{output}")
