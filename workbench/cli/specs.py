"""workbench check: validate theories, ledgers and circuit files."""

import json
from pathlib import Path
from typing import Any

import click

from workbench.errors import WorkbenchError
from workbench.terminal.options import AS_JSON
from workbench.terminal.types import SHIPPED_FILE


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=SHIPPED_FILE)
@AS_JSON
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Validate specs, ledgers and circuit files, and list every problem of every file at once.

    With --json each problem has a code, line, column, path, found, expected and suggestion; the
    codes are listed in specs/README.md.
    """
    checked = [_checked(file) for file in files]
    if as_json:
        click.echo(json.dumps([row for row, _ in checked], indent=1))
    else:
        click.echo("\n".join(text for _, text in checked))
    if any(row["problems"] for row, _ in checked):
        raise SystemExit(2)


def _checked(file: Path) -> tuple[dict[str, Any], str]:
    """The result of `check` for a file, as JSON and as text."""
    from workbench.sequences.circuit import TokenCircuit
    from workbench.sequences.files import TokenSpec, is_of_tokens, load_token_file
    from workbench.spec import Spec, load_file
    from workbench.spec.language import Ledger
    from workbench.spec.problems import rows

    try:
        content = load_token_file(file) if is_of_tokens(file) else load_file(file)
    except WorkbenchError as error:
        return {"file": str(file), "problems": rows(error)}, str(error)
    if isinstance(content, TokenCircuit):
        row: dict[str, Any] = {"circuit": content.circuit, "host": content.host}
        text = f"{content.circuit}, {', '.join(content.families)} of {content.host}"
    elif isinstance(content, Spec | TokenSpec):
        name, families = content.theory.theory, list(content.theory.families)
        row = {"theory": name, "families": families}
        text = f"{name}, {' -> '.join(families)}"
    elif isinstance(content, Ledger):
        row = {"ledger": content.ledger, "hosts": list(content.hosts)}
        text = f"ledger of {content.ledger}, tuned on {', '.join(content.hosts)}"
    else:
        units = [unit.unit for unit in content.units]
        row = {"circuit": content.circuit, "host": content.host, "site": content.site}
        row["units"] = units
        text = f"{content.circuit}, {len(units)} units at {content.site} of {content.host}"
    return {"file": str(file), **row, "problems": []}, f"{file}: {text}"
