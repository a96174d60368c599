"""workbench hosts: list, add and download trained networks."""

import json
from pathlib import Path

import click

from workbench.terminal.group import Commands
from workbench.terminal.options import AS_JSON, SEED, trusted
from workbench.terminal.session import Session
from workbench.terminal.types import FILE, NAME


@click.group(cls=Commands)
def hosts() -> None:
    """List networks, add them from files, download them, or train small ones."""


@hosts.command("list")
@AS_JSON
def hosts_list(as_json: bool) -> None:
    """List every known host and whether it is installed."""
    from dataclasses import asdict

    from workbench.hosts.store import installed

    rows = [asdict(row) for row in installed()]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    widest = max(len(row["name"]) for row in rows)
    for row in rows:
        state = "installed" if row["installed"] else "absent   "
        click.echo(
            f"{row['name']:{widest}}  {state}  {row['sites']:2} sites  "
            f"{row['fingerprint'][:12]}  {row['source']}"
        )


@hosts.command("show")
@click.argument("name", type=NAME, callback=trusted)
@AS_JSON
def hosts_show(name: str, as_json: bool) -> None:
    """Print a host's fingerprint, its input and its sites: what a circuit file needs.

    The host must be installed; my_hosts.py:make_host runs your code.
    """
    from workbench.hosts.store import load

    host = load(name)
    rows = [
        {
            "site": site.name,
            "module": site.module,
            "channels": site.channels,
            "positions": list(site.layout.shape),
            "link": site.link,
        }
        | vars(site.layout)
        for site in host.sites.values()
    ]
    if as_json:
        facts = {"host": host.name, "fingerprint": host.fingerprint, "sites": rows}
        click.echo(json.dumps(facts, indent=1))
        return
    click.echo(f"host: {host.name}\nfingerprint: {host.fingerprint}\ninput: {host.input}\nsites:")
    widest = max([12, *map(len, host.sites)])
    for site in host.sites.values():
        click.echo(f"  {site.name:{widest}} {site.channels:4} channels, {site.layout}, {site.link}")


@hosts.command("add")
@click.argument("name", type=NAME)
@click.argument("directory", type=FILE)
def hosts_add(name: str, directory: Path) -> None:
    """Check a host's published files in DIRECTORY by SHA-256 and convert them."""
    from workbench.hosts.store import add

    click.echo(f"{name}: checked and converted to {add(name, directory)}")


@hosts.command("pull")
@click.argument("name", type=NAME, default="squeezenet")
def hosts_pull(name: str) -> None:
    """Download a host from its public source, check it and convert it."""
    from workbench.hosts.store import pull, weights_file

    click.echo(
        f"{name}: {'pulled to' if pull(name) else 'already there, intact:'} {weights_file(name)}"
    )


@hosts.command("make")
@click.argument("name", type=NAME)
@SEED
@AS_JSON
def hosts_make(name: str, seed: int, as_json: bool) -> None:
    """Train a small network on this machine, in about a minute, and keep some twenty checkpoints.

    NAME is induction, modular-addition or modular-subtraction. The same seed gives the same weights
    on one machine. Each checkpoint is a host: induction@step:900, and induction@final at the end.
    An interrupted training leaves nothing, and begins again.

    \b
    workbench hosts make induction
    workbench hosts make modular-addition --seed 2
    """
    from dataclasses import asdict

    from workbench.hosts.made import FINAL, made_name, make

    with Session() as session:
        rows = make(name, seed, session.stage)
    if as_json:
        facts = {"host": made_name(name, seed, FINAL), "seed": seed}
        click.echo(json.dumps(facts | {"checkpoints": [asdict(row) for row in rows]}, indent=1))
        return
    widest = max(len(row.name) for row in rows)
    for row in rows:
        click.echo(f"{row.name:{widest}}  loss {row.loss:7.4f}  accuracy {row.accuracy:.3f}")
    click.echo(f"The last is {made_name(name, seed, FINAL)} too.")
