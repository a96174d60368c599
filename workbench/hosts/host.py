"""A host: a trained network with a few declared facts."""

import copy
import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from workbench.arrays.devices import CPU, known_as
from workbench.errors import WorkbenchError, nearest

Override = Callable[[Float[Tensor, "n c h w"]], Float[Tensor, "n c h w"]]
_HOOKING = threading.Lock()  # of the one thread that changes a module's hooks
_TURN = threading.RLock()  # of the one thread whose run a host that is not reentrant is in


@dataclass(frozen=True)
class Site:
    """A named activation of a host, on a grid over the input picture.

    module     name of the submodule whose output it is (as in `nn.Module.get_submodule`)
    stride_px  input pixels from one cell to the next
    offset_px  input pixel at which cell (0, 0) is centred
    """

    name: str
    module: str
    channels: int
    height: int
    width: int
    stride_px: int
    offset_px: int


@dataclass(frozen=True)
class InputRange:
    """What a network eats: pictures of `size_px` squared, each channel `(rgb 0..255 - mean_rgb) / scale_rgb`, channels in `order`.

    `mean_rgb` is also what the network's zero padding looks like. `crop`: "centre" takes the middle of a picture whose shorter side was
    scaled to 8/7 of `size_px` (224 of 256); "squash" scales the whole picture to a square.
    """

    size_px: int
    mean_rgb: tuple[float, float, float]
    scale_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    order: str = "RGB"
    crop: str = "centre"

    def encode(self, rgb: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """RGB 0..255 to the network's input."""
        x = (rgb - _column(self.mean_rgb, rgb)) / _column(self.scale_rgb, rgb)
        return x if self.order == "RGB" else x.flip(1)

    def decode(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
        """The network's input back to RGB 0..255."""
        rgb = x if self.order == "RGB" else x.flip(1)
        return rgb * _column(self.scale_rgb, rgb) + _column(self.mean_rgb, rgb)


@dataclass(frozen=True)
class Host:
    """A trained network, frozen and in eval mode: `network(x)` gives logits `n classes`.

    `fingerprint` is the SHA-256 of its weights; `classes` are WordNet ids by output index, or None where the output means nothing to us.
    `sites` are in the order in which the network computes them. Without `has_output` the network ends in features, of which no class
    distribution is made: what a splice does to its answers is then not known. `precision` says which layers run in fewer bits than the others.
    `reentrant` promises that no module writes to itself when it runs, so that threads need not wait for each other.
    """

    name: str
    fingerprint: str
    network: nn.Module
    input: InputRange
    sites: Mapping[str, Site]
    classes: tuple[str, ...] | None = None
    source: str = ""
    has_output: bool = True
    precision: str = ""
    reentrant: bool = False

    @property
    def facts(self) -> str:
        """All that what it computes hangs on, as text: a fingerprint alone is of weights, not of what a network does with them."""
        said = (self.name, self.fingerprint, self.input, dict(self.sites), self.has_output, self.classes, self.network, self.source)
        return "\n".join([*map(repr, said), known_as(self.device)])

    @property
    def device(self) -> str:
        """Where the network is, as torch writes it: pictures go there."""
        tensor = next(itertools.chain(self.network.parameters(), self.network.buffers()), None)
        return CPU if tensor is None else str(tensor.device)

    def on(self, device: str) -> "Host":
        """The same with its network on that device; this one stays where it is. From then on convolutions on CUDA keep all of a float32."""
        if device == self.device:
            return self
        torch.backends.cudnn.allow_tf32 = False  # torch's default there: ten bits of each number
        return replace(self, network=copy.deepcopy(self.network).to(device))

    def site(self, name: str) -> Site:
        """The site of that name. Raises WorkbenchError with the near miss."""
        if name not in self.sites:
            raise WorkbenchError(f"host {self.name}", f"no site {name!r}", remedy=nearest(name, self.sites))
        return self.sites[name]

    def module(self, site: str) -> nn.Module:
        return self.network.get_submodule(self.site(site).module)

    def activations(self, x: Float[Tensor, "n 3 h w"], *sites: str) -> dict[str, Float[Tensor, "n c h w"]]:
        """Activations at `sites`; the network runs no further than the last of them."""
        return _record(self, x, sites, stop=True)[1]

    def run(self, x: Float[Tensor, "n 3 h w"], *sites: str) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits `n classes`, and the activations at `sites` on the way."""
        return _record(self, x, sites, stop=False)

    def push(self, site: str, activation: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """An activation at `site`, of all its channels or of some, behind the stages that act channel by channel right after it: ReLUs and pools.

        Nothing where the network is no plain `nn.Sequential` of which the site is a stage.
        """
        for stage in self._behind(site)[: self._channelwise(site)]:
            activation = F.relu(activation) if type(stage) is nn.ReLU else stage(activation)  # never in place
        return activation

    def resume(
        self, x: Tensor, site: str, activation: Float[Tensor, "n c h w"], *sites: str, pushed: bool = False
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Logits, and activations at later `sites`, when `site` takes the value `activation` on the pictures `x`.

        `pushed` says that the activation went through `push` already. Where the network is a plain `nn.Sequential` of which the site is a stage,
        only what lies behind the site runs. Any other network runs whole with the site's output replaced, since something may bypass the site.
        Raises RuntimeError if it then does not reach the site exactly once.
        """
        return self._resumed(x, site, activation, sites, pushed, stop=False)

    def onward(self, x: Tensor, site: str, activation: Float[Tensor, "n c h w"], *sites: str) -> dict[str, Tensor]:
        """As `resume`, the activations alone: the network runs no further than the last of `sites`."""
        return self._resumed(x, site, activation, sites, pushed=False, stop=True)[1]

    def _resumed(
        self, x: Tensor, site: str, activation: Tensor, sites: tuple[str, ...], pushed: bool, stop: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        value = activation
        with recorded(self, sites, stop) as seen:
            if self.staged(site):
                with suppress(_Reached):
                    for stage in self.behind_push(site) if pushed else self._behind(site):
                        value = stage(value)
                return value, seen
            with overridden(self, {site: lambda _: activation}) as fired, suppress(_Reached):
                value = self.network(x)
            refuse_unfired(fired)
            return value, seen

    def staged(self, site: str) -> bool:
        """Whether the network is a plain `nn.Sequential` of which the site is a stage, so that nothing bypasses it."""
        return type(self.network) is nn.Sequential and "." not in self.site(site).module

    def behind_push(self, site: str) -> list[nn.Module]:
        """The stages that run on a pushed activation."""
        return self._behind(site)[self._channelwise(site) :]

    def _behind(self, site: str) -> list[nn.Module]:
        """The stages behind a site."""
        if not self.staged(site):
            return []
        names = list(self.network._modules)  # `named_children` leaves out a module that comes a second time
        return [self.network.get_submodule(name) for name in names[names.index(self.site(site).module) + 1 :]]

    def _channelwise(self, site: str) -> int:
        """How many of them, right behind it, act on every channel by itself; one that is a site is another place to splice."""
        sites = [self.network.get_submodule(each.module) for each in self.sites.values()]
        stages = self._behind(site)
        return next(
            (i for i, stage in enumerate(stages) if not _acts_channelwise(stage) or any(stage is each for each in sites)), len(stages)
        )


def _acts_channelwise(stage: nn.Module) -> bool:
    """By its very class: a subclass may do anything."""
    if type(stage) is nn.MaxPool2d:
        return not stage.return_indices
    return type(stage) in (nn.ReLU, nn.AvgPool2d) or "channelwise" in vars(type(stage))


class _Reached(Exception):  # noqa: N818 (a way out, no error)
    """The last wanted site has been computed."""


@contextmanager
def recorded(host: Host, sites: tuple[str, ...], stop: bool = False) -> Iterator[dict[str, Tensor]]:
    """Within the block, what each of `sites` gives on this thread's latest run of the network lands in the dictionary, whatever writes over it
    later."""
    seen: dict[str, Tensor] = {}

    def keep(name: str):
        def hook(module, inputs, output):
            if stop and seen.keys() | {name} == set(sites):
                seen[name] = output
                raise _Reached
            seen[name] = output.clone()  # an `x += y` or `relu_` of a later stage is still to come

        return hook

    with _turn(host), _hooked([(host.module(name), keep(name)) for name in sites]):
        yield seen


@contextmanager
def overridden(host: Host, overrides: Mapping[str, Override]) -> Iterator[dict[str, int]]:
    """Within the block each site's output is, in this thread, what its override makes of it; the dictionary counts how often each one fired.

    Raises RuntimeError, from the network's call, if an override changes the activation's shape.
    """
    fired = dict.fromkeys(overrides, 0)

    def replace(name: str, override: Override):
        def hook(module, inputs, output):
            value = override(output)
            if value.shape != output.shape:
                raise RuntimeError(f"override at {name} gave {tuple(value.shape)}, the site has {tuple(output.shape)}")
            fired[name] += 1
            return value

        return hook

    with _turn(host), _hooked([(host.module(name), replace(name, override)) for name, override in overrides.items()]):
        yield fired


def _turn(host: Host) -> AbstractContextManager:
    return nullcontext() if host.reentrant else _TURN


@contextmanager
def _hooked(hooks: Sequence[tuple[nn.Module, Callable[..., Any]]]) -> Iterator[None]:
    """Within the block each module's forward hook is called where this thread runs the module: what another thread runs meanwhile is its own."""
    own = threading.get_ident()

    def here(hook: Callable[..., Any]):
        return lambda *run: hook(*run) if threading.get_ident() == own else None

    mine = [(module, here(hook)) for module, hook in hooks]
    for module, hook in mine:
        _rehook(module, {id(hook): hook})
    try:
        yield
    finally:
        for module, hook in mine:
            _rehook(module, without=id(hook))


def _rehook(module: nn.Module, more: Mapping[int, Callable[..., Any]] = MappingProxyType({}), without: int | None = None) -> None:
    """Put other forward hooks in the place of a module's, whole: torch may be going through them in another thread."""
    with _HOOKING:
        kept = {key: hook for key, hook in module._forward_hooks.items() if key != without}
        module._forward_hooks = OrderedDict(kept | dict(more))


def refuse_unfired(fired: Mapping[str, int]) -> None:
    """Raises RuntimeError unless the override at every site took place exactly once."""
    for site, times in fired.items():
        if times != 1:
            raise RuntimeError(f"the splice at {site} took place {times} times in one run, not once")


def _record(host: Host, x: Tensor, sites: tuple[str, ...], stop: bool) -> tuple[Tensor, dict[str, Tensor]]:
    with recorded(host, sites, stop) as seen:
        try:
            return host.network(x), seen
        except _Reached:
            return torch.empty(0), seen


def _column(values: tuple[float, float, float], like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=like.dtype, device=like.device)[:, None, None]
