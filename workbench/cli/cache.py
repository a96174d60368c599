"""workbench cache: list, clear and limit the cache."""

import json

import click

from workbench.errors import WorkbenchError
from workbench.terminal.group import Commands
from workbench.terminal.options import AS_JSON
from workbench.terminal.types import Number

HIGHEST_LIMIT_GIB = 1e6  # as in workbench.cache, which would load NumPy


@click.group(cls=Commands)
def cache() -> None:
    """List, clear or limit the results of earlier runs that later runs can use again.

    \b
    workbench cache list         entries and bytes of each kind
    workbench cache limit 10     keep at most 10 GiB
    workbench cache clear        delete all entries, but neither hosts nor unfinished runs
    """


@cache.command("list")
@AS_JSON
def cache_list(as_json: bool) -> None:
    """List entries and bytes of each kind, and the limit."""
    from workbench.cache import GIB, kinds, limit_gib
    from workbench.files import kept_folder

    folder = kept_folder()
    rows = {
        kind: {"entries": entries, "bytes": size} for kind, (entries, size) in kinds(folder).items()
    }
    total, limit = sum(row["bytes"] for row in rows.values()), limit_gib(folder)
    if as_json:
        click.echo(
            json.dumps(
                {"folder": str(folder), "kinds": rows, "bytes": total, "limit_gib": limit},
                indent=1,
            )
        )
        return
    for kind, row in rows.items():
        click.echo(f"{kind:8} {row['entries']:7} entries {row['bytes'] / GIB:8.3f} GiB")
    click.echo(f"{total / GIB:.3f} of {limit:g} GiB in {folder}")


@cache.command("clear")
@click.option(
    "--unfinished",
    is_flag=True,
    help="Also delete what interrupted runs have computed; they start again from the beginning.",
)
def cache_clear(unfinished: bool) -> None:
    """Delete every entry. Later runs compute them again."""
    from workbench.cache import GIB, clear, kinds
    from workbench.files import kept_folder, unfinished_folders

    folders = [kept_folder(), *(unfinished_folders() if unfinished else ())]
    freed = sum(map(clear, folders))
    click.echo(f"freed {freed / GIB:.3f} GiB")
    for folder in folders:
        if left := sum(entries for entries, _ in kinds(folder).values()):
            raise WorkbenchError(
                str(folder), f"{left} entries cannot be deleted", remedy="Is the disk read-only?"
            )


@cache.command("limit")
@click.argument("gib", type=Number(0, HIGHEST_LIMIT_GIB))
def cache_limit(gib: float) -> None:
    """Keep at most GIB GiB from the next run on; 0 keeps nothing after a run."""
    from workbench.cache import LIMIT_FILE
    from workbench.files import kept_folder, write_whole

    write_whole(kept_folder() / LIMIT_FILE, f"{gib:g}\n")
    click.echo(f"limit {gib:g} GiB")
