"""A run of a host that checks its declarations against the network's behaviour."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor

from workbench.errors import WorkbenchError, described
from workbench.hosts.hooks import Override, overridden, refuse_unfired
from workbench.hosts.host import Host


def run_as_declared(host: Host, x: Tensor, *sites: str) -> tuple[Tensor, dict[str, Tensor]]:
    """The answers and activations of `Host.run`, where everything is as the host declares it.

    Raises WorkbenchError, with the site and its module, unless the network takes the batch, answers
    each input, and reaches every site of the host once, in the declared order, with an activation
    of the declared channels and layout.
    """
    reached: list[str] = []
    overrides = {name: _looking(host, name, len(x), reached) for name in host.sites}
    with _naming(host, len(x)), overridden(host, overrides) as fired:
        answer, activations = host.run(x, *sites)
        refuse_unfired(fired)
    if reached != list(host.sites):
        raise WorkbenchError(
            f"host {host.name}",
            f"declares its sites in the order {', '.join(host.sites)}",
            f"the order in which the network computes them: {', '.join(reached)}",
            "Declare them in that order.",
        )
    if host.has_output:
        _refuse_unlike_output(host, answer, len(x))
    return answer, activations


def _looking(host: Host, name: str, count: int, reached: list[str]) -> Override:
    """An override that changes nothing and notes that the site was reached."""
    site = host.site(name)
    expected = (count, site.channels, *site.layout.shape)

    def look(activation: Tensor) -> Tensor:
        tensor = isinstance(activation, Tensor)
        given = tuple(activation.shape) if tensor else type(activation).__name__
        if given != expected:
            raise WorkbenchError(
                f"site {name}",
                f"its module {site.module!r} gives {given}",
                f"one tensor of {expected}, as declared",
                "Correct the declaration, or name another submodule.",
            )
        reached.append(name)
        return activation

    return look


@contextmanager
def _naming(host: Host, count: int) -> Iterator[None]:
    """Name the host in an error about its sites, and turn any exception of its network into one."""
    try:
        yield
    except WorkbenchError as error:
        where = f"host {host.name}, {error.where}"
        raise WorkbenchError(where, error.problem, error.expected, error.remedy) from error
    except Exception as error:  # a user's network may raise anything
        raise WorkbenchError(
            f"host {host.name}",
            f"fails on a batch of {count}: {described(error)}",
            "a network that takes any number of inputs at once",
        ) from error


def _refuse_unlike_output(host: Host, answer: Tensor, count: int) -> None:
    rows = isinstance(answer, Tensor) and answer.ndim > 0
    problems = host.output.problems(answer[:1] if rows else answer)
    if not problems and rows and len(answer) != count:
        problems = [f"the network gives {len(answer)} answers to {count} inputs"]
    if problems:
        raise WorkbenchError(f"host {host.name}", "; ".join(problems))
