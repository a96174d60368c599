"""A spliced network: a module from pictures to logits. The host itself is never edited."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.hosts.hooks import Override, overridden, refuse_unfired
from workbench.hosts.host import Host
from workbench.splice.conditions import Condition, wanted_by
from workbench.splice.inputs import ConditionInputs, joint_inputs
from workbench.splice.natural import Part, Parts
from workbench.splice.slots import Slots

# the circuits of one theory, and the condition that its units are under
Replaced = tuple[Mapping[str, HandwrittenCircuit], Condition]


class SplicedNetwork(nn.Module):
    """The host with the units of one or more handwritten circuits replaced, each by a condition.

    The values of a unit depend on the picture alone, not on what is spliced elsewhere; whatever is
    not replaced is as the splices at earlier sites leave it. This is the slow, plain path: the
    whole host runs on every call. `fired` counts the calls in which every splice took place.
    """

    def __init__(self, host: Host, *replaced: Replaced):
        super().__init__()
        self.network = host.network
        self.host, self.replaced = host, replaced
        self.fired = 0

    def forward(
        self, x: Float[Tensor, "n 3 h w"], donor: Tensor | None = None
    ) -> Float[Tensor, "n classes"]:
        """Logits. Raises WorkbenchError if a splice did not take place exactly once."""
        donor = torch.zeros(len(x), dtype=torch.long) if donor is None else donor
        circuits, conditions = zip(*self.replaced, strict=True)
        joint, _ = joint_inputs(self.host, circuits, x, donor, wanted_by(conditions))
        values = [condition(inputs) for inputs, condition in zip(joint, conditions, strict=True)]
        with overridden(self.host, overrides(joint, values)) as fired:
            logits, _ = self.host.run(x)
        refuse_unfired(fired)
        self.fired += 1
        return logits


def spliced_from(
    host: Host,
    x: Float[Tensor, "n 3 h w"],
    joint: Sequence[ConditionInputs],
    values: Sequence[Float[Tensor, "n unit h w"]],
    natural: Parts,
    *sites: str,
) -> tuple[Float[Tensor, "n classes"], dict[str, Tensor]]:
    """Logits, and activations at `sites` after every splice.

    The units of each of `joint` have its `values`. As SplicedNetwork, but where the host allows it
    (`Host.resume`) only what comes after the first spliced site runs: `natural` has the host's own
    run there, at `start_of` the splice. Raises WorkbenchError if the splice at a site did not take
    place exactly once.
    """
    start = start_of(host, [(inputs.site_name, inputs.slots) for inputs in joint])
    pushed = start.kind == "pushed"
    activation, later = natural[start], overrides(joint, values)
    later.pop(start.site)
    for inputs, value in zip(joint, values, strict=True):
        if inputs.site_name == start.site:
            written = host.push(start.site, value) if pushed else value
            activation = inputs.put(written, activation)
    with overridden(host, later) as fired:
        result = host.resume(x, start.site, activation, *sites, pushed=pushed)
    refuse_unfired(fired)
    return result


def start_of(host: Host, spliced: Sequence[tuple[str, Slots]]) -> Part:
    """The part of the natural run that a splice at these sites starts from.

    It is at the site that the host computes first; after the stages that act on every channel
    alone, where all units there are channels.
    """
    first = min((site for site, _ in spliced), key=list(host.sites).index)
    channelwise = all(slots.channelwise for site, slots in spliced if site == first)
    return Part("pushed" if channelwise else "site", first)


def site_after(host: Host, spliced: Sequence[str]) -> list[str]:
    """The site after the last where units are replaced, if there is one."""
    names = list(host.sites)
    deepest = max(map(names.index, spliced))
    return names[deepest + 1 : deepest + 2]


def overrides(
    joint: Sequence[ConditionInputs], values: Sequence[Float[Tensor, "n unit h w"]]
) -> dict[str, Override]:
    """For each site the function that writes the replaced units' values into its activation."""

    def override(site: str) -> Override:
        def put(activation: Tensor) -> Tensor:
            for inputs, value in zip(joint, values, strict=True):
                if inputs.site_name == site:
                    activation = inputs.put(value, activation)
            return activation

        return put

    return {site: override(site) for site in dict.fromkeys(inputs.site_name for inputs in joint)}
