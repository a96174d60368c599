"""Every command: its summary, its section of `workbench --help`, and where it is loaded from.

Nothing is imported before a command runs, so `workbench --help` stays quick. The commands of
analyses come from their registry.
"""

from dataclasses import dataclass
from importlib import import_module

import click

from workbench.analyses.registry import ANALYSES, CIRCUIT, NETWORKS

LOOP, HOUSEKEEPING = "The loop", "Housekeeping"
SECTIONS = (LOOP, CIRCUIT, NETWORKS, HOUSEKEEPING)


@dataclass(frozen=True)
class Row:
    """A command.

    section  of `workbench --help`
    name     the word that is typed
    summary  at most 60 characters
    place    the module that holds it and its name there
    page     the page about it, in `docs/`
    """

    section: str
    name: str
    summary: str
    place: str
    page: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.place.partition(":")
        return getattr(import_module(module), name)


COMMANDS = (
    Row(
        LOOP,
        "new",
        "Write a commented theory and a circuit file to begin with",
        "workbench.cli.new:new",
        "../specs/README.md",
    ),
    Row(
        LOOP,
        "survey",
        "Find a family's units in a network from behaviour",
        "workbench.cli.survey:survey",
        "own-host.md",
    ),
    Row(
        LOOP,
        "check",
        "Validate theories and circuit files: every problem at once",
        "workbench.cli.specs:check",
        "../specs/README.md",
    ),
    Row(
        LOOP,
        "compile",
        "Compile a theory into weights",
        "workbench.cli.weights:compile_command",
        "circuit-file.md",
    ),
    Row(
        LOOP,
        "show",
        "Draw the compiled kernels by family and pose",
        "workbench.cli.weights:show",
        "circuit-file.md",
    ),
    Row(
        LOOP,
        "score",
        "Compile, splice, score against controls, write the report",
        "workbench.cli.score:score",
        "score-json.md",
    ),
    Row(
        LOOP,
        "studio",
        "Write a theory on a page and watch the network answer",
        "workbench.cli.studio:studio",
        "studio.md",
    ),
    Row(
        LOOP,
        "tune",
        "Fit the numbers that a theory marks `tune`",
        "workbench.cli.tune:tune",
        "../specs/README.md",
    ),
    Row(
        LOOP,
        "export",
        "Write a circuit into a copy of the network's weights",
        "workbench.cli.export:export",
        "export.md",
    ),
    *(
        Row(
            row.help,
            row.name,
            row.summary,
            f"workbench.analyses.{row.name}.command:{row.name}",
            f"{row.name}.md",
        )
        for row in ANALYSES
        if row.help
    ),
    Row(
        CIRCUIT,
        "report",
        "Run all analyses of a theory and put them on one page",
        "workbench.full_report.command:report",
        "report.md",
    ),
    Row(
        HOUSEKEEPING,
        "hosts",
        "List, add, download or train networks",
        "workbench.cli.hosts:hosts",
        "own-host.md",
    ),
    Row(
        HOUSEKEEPING,
        "cache",
        "List, clear or limit what earlier runs computed",
        "workbench.cli.cache:cache",
        "engine.md",
    ),
)

RENAMED = {"residual": "unexplained", "induct": "stepwise", "layers": "families", "write": "export"}
RENAMED_OPTIONS = {"--beside": "--compare-with", "--bind": "--use-trained"}


def command_table() -> str:
    """The table of commands in docs/README.md, as Markdown."""
    lines = ["| command | what it does | page |", "|---|---|---|"]
    for section in SECTIONS:
        lines.append(f"| **{section}** | | |")
        lines += [
            f"| `workbench {row.name}` | {row.summary} | [{row.page}]({row.page}) |"
            for row in COMMANDS
            if row.section == section
        ]
    return "\n".join(lines) + "\n"
