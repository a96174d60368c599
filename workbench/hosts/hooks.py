"""Recording and replacing the activations at a host's sites while its network runs.

The network itself is never edited: forward hooks are set for the length of a block, and act only
where the thread that set them runs the network.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType
from typing import Any, Protocol

from jaxtyping import Float
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.hosts.layout import Site

Override = Callable[[Float[Tensor, "n c *position"]], Float[Tensor, "n c *position"]]
Hook = Callable[[nn.Module, Any, Any], Any]
_CHANGING_HOOKS = threading.Lock()
_RUNNING = threading.RLock()  # for hosts that are not reentrant: one thread at a time


class Hookable(Protocol):
    """The part of a host that hooks need."""

    @property
    def reentrant(self) -> bool:
        """Whether threads may run the network at the same time."""

    def site(self, name: str) -> Site:
        """The site of that name."""

    def module(self, site: str) -> nn.Module:
        """The submodule whose output is the site's activation."""


class LastSiteReached(Exception):  # noqa: N818 (ends a run early, and is no error)
    """The last of the wanted sites has been computed."""


@contextmanager
def recorded(
    host: Hookable, sites: Sequence[str], stop: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Record the activations at `sites` of this thread's latest run within the block.

    They are in the dictionary, as they were when the site was computed, whatever a later stage or
    a later run writes over. With `stop` the run ends with LastSiteReached once all are there.
    Raises WorkbenchError at the end of the block for a site that was not reached.
    """
    recording: dict[str, Tensor] = {}

    def keep(name: str) -> Hook:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            last = stop and recording.keys() | {name} == set(sites)
            # a later stage may be an `x += y` or a `relu_`, and a module may reuse its output
            value = output if last and host.reentrant else output.clone()
            recording[name] = host.site(name).units_first(value)
            if last:
                raise LastSiteReached

        return hook

    with _exclusive(host), _hooked([(host.module(name), keep(name)) for name in sites]):
        yield recording
    refuse_unfired({name: int(name in recording) for name in sites})


@contextmanager
def overridden(host: Hookable, overrides: Mapping[str, Override]) -> Iterator[dict[str, int]]:
    """Replace each site's activation by what its override makes of it, in this thread's runs.

    The dictionary counts how often each override took place. Raises RuntimeError, from the
    network's call, if an override changes the activation's shape.
    """
    fired = dict.fromkeys(overrides, 0)

    def replacing(name: str, override: Override) -> Hook:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            value = replaced(host.site(name), override, output)
            fired[name] += 1
            return value

        return hook

    hooks = [(host.module(name), replacing(name, override)) for name, override in overrides.items()]
    with _exclusive(host), _hooked(hooks):
        yield fired


def replaced(site: Site, override: Override, output: Tensor) -> Tensor:
    """The output of a site's submodule with an override in place.

    Raises RuntimeError if the override changes the activation's shape.
    """
    activation = site.units_first(output)
    value = override(activation)
    if value.shape != activation.shape:
        given, expected = tuple(value.shape), tuple(activation.shape)
        raise RuntimeError(f"override at {site.name} gave {given}, the site has {expected}")
    return site.as_computed(value)


def refuse_unfired(fired: Mapping[str, int]) -> None:
    """Raise WorkbenchError unless every site was reached exactly once in a run."""
    for site, times in fired.items():
        if times != 1:
            raise WorkbenchError(
                f"site {site}",
                f"its submodule ran {times} times in one run of the network",
                "once",
                "Name a submodule that runs once on every input.",
            )


def _exclusive(host: Hookable) -> AbstractContextManager:
    return nullcontext() if host.reentrant else _RUNNING


@contextmanager
def _hooked(hooks: Sequence[tuple[nn.Module, Hook]]) -> Iterator[None]:
    """Set each module's forward hook for the block; it is called only in this thread's runs."""
    thread = threading.get_ident()

    def in_this_thread(hook: Hook) -> Hook:
        return lambda *run: hook(*run) if threading.get_ident() == thread else None

    set_hooks = [(module, in_this_thread(hook)) for module, hook in hooks]
    for module, hook in set_hooks:
        _change_hooks(module, {id(hook): hook})
    try:
        yield
    finally:
        for module, hook in set_hooks:
            _change_hooks(module, without=id(hook))


def _change_hooks(
    module: nn.Module,
    more: Mapping[int, Hook] = MappingProxyType({}),
    without: int | None = None,
) -> None:
    """Give a module another dictionary of forward hooks.

    The old one is left as it is, since torch may be iterating over it in another thread.
    """
    with _CHANGING_HOOKS:
        kept = {key: hook for key, hook in module._forward_hooks.items() if key != without}
        module._forward_hooks = OrderedDict(kept | dict(more))
