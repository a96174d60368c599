"""A host: a trained network with a few declared facts."""

import copy
import itertools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

from workbench.arrays.devices import CPU, known_as
from workbench.errors import WorkbenchError, nearest
from workbench.hosts.hooks import LastSiteReached, overridden, recorded, refuse_unfired
from workbench.hosts.input import Input, PictureInput
from workbench.hosts.layout import Site
from workbench.hosts.output import ClassOutput, Output
from workbench.hosts.scored_places import ScoredPlaces
from workbench.hosts.stages import channelwise, is_stage, passed_through, stages_after


@runtime_checkable
class Resumable(Protocol):
    """A network that runs from the output of one of its submodules on."""

    def starts_at(self, module: str) -> bool:
        """Whether it does from this submodule."""

    def onward(
        self,
        module: str,
        x: Tensor,
        activation: Tensor,
        given: Mapping[str, Tensor],
        scored: ScoredPlaces | None,
    ) -> Tensor:
        """Its answer on `x` with that output of the submodule, and with those given on the way.

        scored  places whose answers are scored; None for all
        """


@dataclass(frozen=True)
class Host:
    """A trained network, frozen and in eval mode, with its declared facts.

    fingerprint  SHA-256 of the weights
    input        how items become the network's input
    sites        in the order in which the network computes them
    output       what `network(x)` gives, and how its answers are compared
    precision    names the layers that run in fewer bits than the others
    reentrant    promises that no module writes to itself or to the network's input when it runs,
                 so that threads need not wait for each other and nothing need be copied

    A network that promises nothing runs on copies: whatever it writes over, neither the caller's
    tensors nor what an earlier run gave change.
    """

    name: str
    fingerprint: str
    network: nn.Module
    input: Input
    sites: Mapping[str, Site]
    output: Output = field(default_factory=ClassOutput)
    source: str = ""
    precision: str = ""
    reentrant: bool = False

    @property
    def picture_input(self) -> PictureInput:
        """The input, if it is of pictures; raises WorkbenchError for any other.

        What draws or looks at pictures reads it; the loop reads `input` alone.
        """
        if not isinstance(self.input, PictureInput):
            raise WorkbenchError(
                f"host {self.name}",
                f"its input is a {type(self.input).__name__}",
                "pictures (PictureInput)",
            )
        return self.input

    @property
    def has_output(self) -> bool:
        """Whether the network's answers are compared."""
        return self.output.compared

    @property
    def classes(self) -> tuple[str, ...] | None:
        """WordNet ids by output index; None where the output has no known classes."""
        return self.output.classes if isinstance(self.output, ClassOutput) else None

    @property
    def facts(self) -> str:
        """Text that identifies what the host computes; part of cache keys.

        A fingerprint alone identifies the weights, not what the network does with them.
        """
        facts = (
            self.name,
            self.fingerprint,
            self.input,
            dict(self.sites),
            self.output,
            self.network,
            self.source,
        )
        return "\n".join([*map(repr, facts), known_as(self.device)])

    @property
    def device(self) -> str:
        """The network's device as torch writes it; its inputs go there."""
        tensor = next(itertools.chain(self.network.parameters(), self.network.buffers()), None)
        return CPU if tensor is None else str(tensor.device)

    def on(self, device: str) -> "Host":
        """A copy with its network on that device; this one stays where it is.

        From then on convolutions on CUDA compute in full float32.
        """
        if device == self.device:
            return self
        torch.backends.cudnn.allow_tf32 = False  # torch's default keeps ten bits of each number
        return replace(self, network=copy.deepcopy(self.network).to(device))

    def site(self, name: str) -> Site:
        """The site of that name; raises WorkbenchError with the near miss."""
        if name not in self.sites:
            raise WorkbenchError(
                f"host {self.name}", f"no site {name!r}", remedy=nearest(name, self.sites)
            )
        return self.sites[name]

    def module(self, site: str) -> nn.Module:
        """The submodule whose output is the site's activation."""
        return self.network.get_submodule(self.site(site).module)

    def activations(
        self, x: Shaped[Tensor, "n ..."], *sites: str
    ) -> dict[str, Float[Tensor, "n c *position"]]:
        """Activations at `sites`; the network runs no further than the last of them."""
        with recorded(self, sites, stop=True) as recording, suppress(LastSiteReached):
            self.network(self.writable(x))
        return recording

    def run(self, x: Shaped[Tensor, "n ..."], *sites: str) -> tuple[Tensor, dict[str, Tensor]]:
        """The network's answers, and the activations at `sites` on the way."""
        with recorded(self, sites) as recording:
            return self.writable(self.network(self.writable(x))), recording

    def writable(self, value: Tensor) -> Tensor:
        """A copy that the network may write over; the value itself if the network is reentrant.

        An answer that is no tensor is returned as it is.
        """
        return value.clone() if isinstance(value, Tensor) and not self.reentrant else value

    def push(self, site: str, activation: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
        """Pass an activation at `site` through the channelwise stages right after it.

        These are ReLUs and pools, so the activation may be of some channels alone. It is returned
        as it is where the site is no stage of a plain sequence (`staged`).
        """
        stages = stages_after(self.network, self.site(site).module)
        first = stages[: self._channelwise(site, stages)]
        return passed_through(first, self.writable(activation)) if first else activation

    def resume(
        self,
        x: Tensor,
        site: str,
        activation: Float[Tensor, "n c *position"],
        *sites: str,
        pushed: bool = False,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Answers on `x`, and activations at later `sites`, with `activation` at `site`.

        `pushed` declares that the activation went through `push` already. Only the stages after the
        site run where the site is a stage of a plain sequence. Any other network runs whole with
        the site's output replaced, since something may bypass the site. Raises WorkbenchError if it
        then does not reach the site exactly once.
        """
        return self._resumed(x, site, activation, sites, pushed, stop=False)

    def start(
        self,
        x: Tensor,
        site: str,
        known: Mapping[str, Tensor],
        *sites: str,
        scored: ScoredPlaces | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Answers on `x`, and activations at `sites`, from a site that the network `starts_at`.

        known  the activation at that site, and others on the way that are not computed again
        scored  places whose answers are scored; all by default
        """
        values = {self.site(name).module: self._computed(name, known[name]) for name in known}
        module = self.site(site).module
        with recorded(self, sites) as recording:
            network = cast(Resumable, self.network)
            return network.onward(module, x, values.pop(module), values, scored), recording

    def _computed(self, site: str, activation: Tensor) -> Tensor:
        return self.site(site).as_computed(self.writable(activation))

    def onward(
        self, x: Tensor, site: str, activation: Float[Tensor, "n c *position"], *sites: str
    ) -> dict[str, Tensor]:
        """The activations of `resume` alone; the run ends at the last of `sites`."""
        return self._resumed(x, site, activation, sites, pushed=False, stop=True)[1]

    def _resumed(
        self,
        x: Tensor,
        site: str,
        activation: Tensor,
        sites: tuple[str, ...],
        pushed: bool,
        stop: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        value = self.writable(activation)
        with recorded(self, sites, stop) as recording:
            if self.staged(site):
                with suppress(LastSiteReached):
                    value = self.site(site).as_computed(value)
                    for stage in self._stages_from(site, pushed):
                        value = stage(value)
                return self.writable(value), recording
            override = {site: lambda _: self.writable(activation)}
            with overridden(self, override) as fired, suppress(LastSiteReached):
                value = self.network(self.writable(x))
            refuse_unfired(fired)
            return self.writable(value), recording

    def staged(self, site: str) -> bool:
        """Whether the site is a stage of a plain `nn.Sequential`: nothing bypasses it then."""
        return is_stage(self.network, self.site(site).module)

    def starts_at(self, site: str) -> bool:
        """Whether the network itself runs from this site on; nothing bypasses it then."""
        network = self.network
        return isinstance(network, Resumable) and network.starts_at(self.site(site).module)

    def stages_after_push(self, site: str) -> list[nn.Module]:
        """The stages that run on a pushed activation."""
        return self._stages_from(site, pushed=True)

    def _stages_from(self, site: str, pushed: bool) -> list[nn.Module]:
        stages = stages_after(self.network, self.site(site).module)
        return stages[self._channelwise(site, stages) :] if pushed else stages

    def _channelwise(self, site: str, stages: Sequence[nn.Module]) -> int:
        """How many of the first stages `push` runs; it stops before another site.

        None where the units lie along another axis than the channels of these stages.
        """
        if self.site(site).axis != 1:
            return 0
        sites = [self.network.get_submodule(site.module) for site in self.sites.values()]
        return channelwise(stages, sites)


def sites_up_to(host: Host, spliced: Sequence[str]) -> dict[str, int]:
    """How many units each site has, up to the deepest of the sites `spliced`."""
    names = list(host.sites)
    return {name: host.sites[name].channels for name in names[: max(map(names.index, spliced)) + 1]}
