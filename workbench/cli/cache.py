"""workbench cache: what was computed once."""

import json

import click

from workbench.cli.group import Commands
from workbench.cli.options import AS_JSON


@click.group(cls=Commands)
def cache() -> None:
    """What earlier runs computed and later ones need again: list, clear, limit.

    \b
    workbench cache list         entries and bytes of each kind
    workbench cache limit 10     keep 10 GiB at the most
    workbench cache clear        forget all; hosts stay, and unfinished runs without --unfinished
    """


@cache.command("list")
@AS_JSON
def cache_list(as_json: bool) -> None:
    """Entries and bytes of each kind, and the limit."""
    from workbench.cache import GIB, kinds, limit_gib
    from workbench.files import kept_folder

    folder = kept_folder()
    found = {kind: {"entries": entries, "bytes": size} for kind, (entries, size) in kinds(folder).items()}
    total, limit = sum(row["bytes"] for row in found.values()), limit_gib(folder)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "kinds": found, "bytes": total, "limit_gib": limit}, indent=1))
        return
    for kind, row in found.items():
        click.echo(f"{kind:8} {row['entries']:7} entries {row['bytes'] / GIB:8.3f} GiB")
    click.echo(f"{total / GIB:.3f} of {limit:g} GiB in {folder}")


@cache.command("clear")
@click.option("--unfinished", is_flag=True, help="Forget what interrupted runs computed too: they begin anew.")
def cache_clear(unfinished: bool) -> None:
    """Forget every entry. Nothing is lost but time."""
    from workbench.cache import GIB, clear
    from workbench.files import kept_folder, unfinished_folders

    freed = sum(map(clear, [kept_folder(), *(unfinished_folders() if unfinished else ())]))
    click.echo(f"freed {freed / GIB:.3f} GiB")


@cache.command("limit")
@click.argument("gib", type=click.FloatRange(0))
def cache_limit(gib: float) -> None:
    """Keep GIB GiB at the most from the next run on; 0 keeps nothing longer than a run."""
    from workbench.cache import LIMIT_FILE
    from workbench.files import kept_folder, write_whole

    write_whole(kept_folder() / LIMIT_FILE, f"{gib:g}\n")
    click.echo(f"limit {gib:g} GiB")
