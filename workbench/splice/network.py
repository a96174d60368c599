"""A spliced network: a plain module that reads pictures and gives logits; the host itself is never edited."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.hosts.host import Host, Override, overridden, refuse_unfired
from workbench.splice.conditions import Condition
from workbench.splice.natural import Part, Parts
from workbench.splice.scene import Scene, scenes_together

Replaced = tuple[Mapping[str, HandwrittenCircuit], Condition]  # the circuits of one theory, and what its units say


class SplicedNetwork(nn.Module):
    """The host with the units of one or more handwritten circuits replaced, each under one condition.

    What a unit says depends on the picture alone, not on what is spliced elsewhere; the channels that are not replaced are as the splices at
    earlier sites leave them. This is the slow, plain path: the whole host runs on every call. `fired` counts the calls in which every
    splice took place.
    """

    def __init__(self, host: Host, *replaced: Replaced):
        super().__init__()
        self.network = host.network
        self.host, self.replaced = host, replaced
        self.fired = 0

    def forward(self, x: Float[Tensor, "n 3 h w"], donor: Tensor | None = None) -> Float[Tensor, "n classes"]:
        """Logits. Raises RuntimeError if the splice at a site did not take place exactly once."""
        donor = torch.zeros(len(x), dtype=torch.long) if donor is None else donor
        here, _ = scenes_together(self.host, [circuits for circuits, _ in self.replaced], x, donor)
        values = [condition(scene) for scene, (_, condition) in zip(here, self.replaced, strict=True)]
        with overridden(self.host, overrides(here, values)) as fired:
            logits = self.network(x)
        refuse_unfired(fired)
        self.fired += 1
        return logits


def spliced_from(
    host: Host,
    x: Float[Tensor, "n 3 h w"],
    scenes: Sequence[Scene],
    values: Sequence[Float[Tensor, "n unit h w"]],
    seen: Parts,
    *sites: str,
) -> tuple[Float[Tensor, "n classes"], dict[str, Tensor]]:
    """Logits, and activations at `sites` behind every splice, with the units of each scene at its values.

    As SplicedNetwork, but where the host allows it (`Host.resume`) only what lies behind the first spliced site runs: `seen` has the host's own
    run there, `start_of` the scenes. Raises RuntimeError if the splice at a site did not take place exactly once.
    """
    start = start_of(host, scenes)
    activation, later = seen[start], overrides(scenes, values)
    later.pop(start.site)
    for scene, value in zip(scenes, values, strict=True):
        if scene.name == start.site:
            activation = scene.put(host.push(start.site, value), activation)
    with overridden(host, later) as fired:
        found = host.resume(x, start.site, activation, *sites, pushed=True)
    refuse_unfired(fired)
    return found


def start_of(host: Host, scenes: Sequence[Scene]) -> Part:
    """Where a splice of these scenes sets in: behind the site that the host computes before all the others."""
    return Part("pushed", min((scene.name for scene in scenes), key=list(host.sites).index))


def overrides(scenes: Sequence[Scene], values: Sequence[Float[Tensor, "n unit h w"]]) -> dict[str, Override]:
    """For each site, what puts the replaced units there at their values and leaves every other channel as it comes."""

    def override(name: str) -> Override:
        def put(activation: Tensor) -> Tensor:
            for scene, value in zip(scenes, values, strict=True):
                if scene.name == name:
                    activation = scene.put(value, activation)
            return activation

        return put

    return {name: override(name) for name in dict.fromkeys(scene.name for scene in scenes)}
