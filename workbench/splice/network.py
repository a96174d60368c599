"""A spliced network: a plain module that reads pictures and gives logits; the host itself is never edited."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.hosts.host import Host, overridden
from workbench.splice.conditions import Condition
from workbench.splice.scene import scene


class SplicedNetwork(nn.Module):
    """The host with the units of a handwritten circuit replaced under one condition.

    This is the slow, plain path: the whole host runs on every call. `fired` counts the calls in which the splice took place.
    """

    def __init__(self, host: Host, circuits: Mapping[str, HandwrittenCircuit], condition: Condition):
        super().__init__()
        self.network = host.network
        self.host, self.circuits, self.condition = host, circuits, condition
        self.site = next(iter(circuits.values())).site
        self.fired = 0

    def forward(self, x: Float[Tensor, "n 3 h w"], donor: Tensor | None = None) -> Float[Tensor, "n classes"]:
        """Logits. Raises RuntimeError if the splice did not take place exactly once."""
        donor = torch.zeros(len(x), dtype=torch.long) if donor is None else donor
        here = scene(self.host, self.circuits, x, donor)
        with overridden(self.host, {self.site: lambda _: here.with_units(self.condition(here))}) as fired:
            logits = self.network(x)
        if fired[self.site] != 1:
            raise RuntimeError(f"the splice at {self.site} took place {fired[self.site]} times in one run, not once")
        self.fired += 1
        return logits
