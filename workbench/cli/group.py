"""A group of commands that tells errors without a traceback."""

import click

from workbench.code import computed_by
from workbench.errors import WorkbenchError


class Commands(click.Group):
    """Tells a WorkbenchError without a traceback, and suggests the command that was meant."""

    def invoke(self, context: click.Context):
        computed_by()  # before a command loads what computes
        try:
            return super().invoke(context)
        except WorkbenchError as error:
            click.secho("error: ", fg="red", bold=True, err=True, nl=False)
            click.echo(str(error), err=True)
            context.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo(
                "interrupted: nothing half-written. Given again, the command does not compute again what is finished and kept.",
                err=True,
            )
            context.exit(130)

    def resolve_command(self, context: click.Context, words: list[str]):
        from workbench.errors import nearest

        if words and self.get_command(context, words[0]) is None and not words[0].startswith("-"):
            raise click.UsageError(f"no command {words[0]!r}. {nearest(words[0], self.commands)}", context)
        return super().resolve_command(context, words)
