"""The option `--require` of `workbench score`, and the exit code for requirements that fail."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from workbench.errors import WorkbenchError

if TYPE_CHECKING:
    from workbench.score.outcomes import Outcome
    from workbench.score.requirements import Requirement

NOT_MET = 3  # exit code
HEAD_PARTS = ("heads", "mlp", "copying", "circuit", "whole")  # and one for each family of heads

REQUIRE = click.option(
    "--require",
    "required",
    multiple=True,
    metavar="FIGURE>=NUMBER|WORD",
    help="Exit with code 3 unless this holds; may be given again. FIGURE is pearson, recovered, "
    "kl, top1_agreement, distance or bits, or PART.FIGURE for tokens; a WORD on the right is "
    "best-baseline, best-control or cheapest-ablation. The end of the 95 % interval that is "
    "nearer to failing is compared (docs/for-programs.md).",
)


def requirements_of_pictures(texts: Sequence[str], quick: bool) -> "tuple[Requirement, ...]":
    """Parse requirements of a theory of units in pictures.

    Raises WorkbenchError for one that is malformed, or that a quick run cannot judge.
    """
    if not texts:
        return ()
    from workbench.score.requirements import WHERE, parsed

    requirements = parsed(texts)
    for requirement in requirements:
        if quick and requirement.right == "best-control":
            raise WorkbenchError(
                f"{WHERE} {requirement.text!r}",
                "--quick leaves controls out",
                remedy="Leave out --quick, or require it of best-baseline.",
            )
    return requirements


def requirements_of_tokens(
    texts: Sequence[str], families: Sequence[str]
) -> "tuple[Requirement, ...]":
    """Parse requirements of a theory of tokens with these families. Raises WorkbenchError."""
    if not texts:
        return ()
    from workbench.score.requirements import parsed
    from workbench.sequences.weights.parts import SUFFIX

    parts = (*families, *HEAD_PARTS)
    return parsed(texts, (*parts, *(part + SUFFIX for part in parts)))


def with_outcomes(document: Mapping[str, Any], judged: "Sequence[Outcome]", text: str) -> str:
    """The text of a document, with the list `requirements` at its end if any were given."""
    if not judged:
        return text
    from workbench.score.facts import as_json

    return as_json({**document, "requirements": [asdict(outcome) for outcome in judged]})


def exit_unless_met(judged: "Sequence[Outcome]") -> None:
    """List the requirements that are not met on standard error, and exit with NOT_MET for them."""
    if not judged:
        return
    from workbench.score.outcomes import unmet

    lines = list(unmet(judged))
    for line in lines:
        click.secho("error: ", fg="red", bold=True, err=True, nl=False)
        click.echo(line, err=True)
    if lines:
        raise SystemExit(NOT_MET)
