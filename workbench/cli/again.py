"""`workbench score --again FOLDER`: compute a finished score again, and compare every figure."""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from workbench.cli.recomputed import pictures_again, tokens_again
from workbench.cli.requirements import NOT_MET
from workbench.errors import WorkbenchError
from workbench.terminal.session import Session
from workbench.terminal.tokens import refuse_options
from workbench.terminal.types import FILE

if TYPE_CHECKING:
    from workbench.score.differences import Difference

SHOWN = 20  # differences in a terminal; --json has all
ALLOWED = (
    *("again", "host", "images", "calibration", "text", "skip_broken"),
    *("engine", "ray_address", "device", "no_cache", "as_json"),
)


def AGAIN(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (a decorator)
    """Add `--again FOLDER`, which does `score_again` in place of the command."""
    option = click.option(
        "--again",
        type=FILE,
        metavar="FOLDER",
        help="Score nothing new: compute the finished score in FOLDER again from its own files, "
        "compare every figure, and exit with code 3 if one differs. Give --images and "
        "--calibration again if they were folders, also on another machine.",
    )

    @functools.wraps(command)
    def with_again(again: Path | None, **words: Any) -> None:
        if again is None:
            command(**words)
            return
        refuse_options(
            ALLOWED,
            "cannot be given with --again, which takes all options from the folder",
            "where pictures are and how to compute: --images, --calibration, --text, --device, ...",
        )
        score_again(again, words)

    return option(with_again)


def score_again(folder: Path, words: Mapping[str, Any]) -> None:
    """Compute a recorded score again and print which figures differ; exit with 3 if any does.

    `words` are the options of `workbench score`. Raises WorkbenchError if a file of the folder was
    changed, or if the network or the pictures are others.
    """
    from workbench.score.differences import differences
    from workbench.score.environment import environment
    from workbench.score.record import SCORE, TOKENS, read_record

    record = read_record(folder)
    before = _document(folder / SCORE)
    with Session() as session:
        compute = tokens_again if record.kind == TOKENS else pictures_again
        now = json.loads(compute(record, session, words))
        here = environment(_device(now, words))
    changed = {
        name: (there, here.get(name, ""))
        for name, there in record.environment.items()
        if there != here.get(name, "")
    }
    differing = list(differences(before, now, exact=not changed))
    if words["common"].as_json:
        click.echo(json.dumps(_result(folder, before, changed, differing), indent=1))
    else:
        click.echo("\n".join(_lines(folder, before, changed, differing)))
    if differing:
        raise SystemExit(NOT_MET)


def _document(file: Path) -> dict[str, Any]:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkbenchError(str(file), "cannot be read as JSON", "a score") from error


def _device(document: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    return document.get("computed", {}).get("device", words["device"])


def _result(
    folder: Path,
    before: Mapping[str, Any],
    changed: Mapping[str, tuple[str, str]],
    differing: "list[Difference]",
) -> dict[str, Any]:
    """The comparison as plain values."""
    from workbench.score.differences import ABSOLUTE, RELATIVE, count

    return {
        "folder": str(folder),
        "same": not differing,
        "numbers": count(before),
        "tolerance": {"absolute": ABSOLUTE, "relative": RELATIVE} if changed else None,
        "environment": {name: {"then": a, "now": b} for name, (a, b) in changed.items()},
        "differences": [asdict(difference) for difference in differing],
    }


def _lines(
    folder: Path,
    before: Mapping[str, Any],
    changed: Mapping[str, tuple[str, str]],
    differing: "list[Difference]",
) -> Iterator[str]:
    """The comparison as sentences."""
    from workbench.score.differences import ABSOLUTE, RELATIVE, count

    for name, (then, now) in changed.items():
        yield f"{name}: then {then or 'none'}, now {now or 'none'}"
    within = (
        f"within {ABSOLUTE:g} + {RELATIVE:g} of the value, as the environment is another"
        if changed
        else "to the last bit, as the environment is the same"
    )
    numbers = f"{count(before):,} numbers of {folder / 'score.json'}"
    if not differing:
        yield f"{numbers}: all the same {within}"
        return
    for difference in differing[:SHOWN]:
        yield f"{difference.key}: then {difference.before}, now {difference.now}"
    if len(differing) > SHOWN:
        yield f"and {len(differing) - SHOWN} more (--json lists all)"
    yield f"{numbers}: {len(differing)} values differ, compared {within}"
