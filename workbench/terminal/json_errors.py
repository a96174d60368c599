"""Errors as JSON, for programs that run a command with `--json`."""

import functools
import json
from collections.abc import Callable
from typing import Any

import click

from workbench.errors import WorkbenchError


def JSON_ERRORS(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802 (a decorator)
    """Print an error of a command with `--json` as a document too, before it is raised again.

    Its key `error` has the fields of a WorkbenchError, `problems` those of a file as `check --json`
    lists them; empty where the error is none of a file's content.
    """

    @functools.wraps(command)
    def with_errors(as_json: bool, **words: Any) -> None:
        try:
            command(as_json=as_json, **words)
        except WorkbenchError as error:
            if as_json:
                click.echo(json.dumps(error_document(error), indent=1))
            raise

    return with_errors


def error_document(error: WorkbenchError) -> dict[str, Any]:
    """The error as plain values."""
    from workbench.spec.problems import SpecError, rows

    fields = ("where", "problem", "expected", "remedy")
    return {
        "error": {name: getattr(error, name) for name in fields},
        "problems": rows(error) if isinstance(error, SpecError) else [],
    }
