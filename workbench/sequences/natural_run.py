"""The network's own run on prompts, from which runs under conditions start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.output import NO_TARGET
from workbench.sequences.prompts import Prompt

BATCH = 64  # prompts that run together
MANY = 0.75  # of the places: to leave out the others would save little


@dataclass(frozen=True)
class NaturalRun:
    """The network's own run on a batch of prompts.

    answers  what the network gives
    seen     activations at sites, units first: `n unit *position`
    scored   places whose answers are scored
    """

    tokens: Int[Tensor, "n place"]
    answers: Float[Tensor, "n ..."]
    seen: Mapping[str, Tensor]
    scored: Bool[Tensor, "n place"]

    @cached_property
    def scored_places(self) -> Int[Tensor, "n scored"] | None:
        """The scored places of each prompt, and others where it has fewer than another prompt.

        None where that is most places: then all are computed.
        """
        places = self.tokens.shape[1]
        scored = torch.nn.functional.pad(self.scored, (places - self.scored.shape[1], 0))
        most = int(scored.sum(1).max())
        if not 0 < most <= MANY * places:
            return None
        return scored.int().argsort(dim=1, descending=True, stable=True)[:, :most]

    def of(self, chosen: Int[Tensor, " prompt"]) -> "NaturalRun":
        """The run on these prompts alone."""
        seen = {site: value[chosen] for site, value in self.seen.items()}
        return NaturalRun(self.tokens[chosen], self.answers[chosen], seen, self.scored[chosen])


def natural_run(host: Host, prompts: Sequence[Prompt], sites: Sequence[str]) -> NaturalRun:
    """Run the network on prompts and record the sites, and the streams that runs may start at."""
    tokens = host.input.batch(prompts).to(host.device)
    streams = [site for site in host.sites if host.starts_at(site)]
    answers, seen = host.run(tokens, *dict.fromkeys([*sites, *streams]))
    refuse_infinite(host, answers)
    targets = torch.as_tensor(host.output.targets(prompts))
    scored = (targets != NO_TARGET).reshape(len(prompts), -1)
    return NaturalRun(tokens, answers, seen, scored)


def refuse_infinite(host: Host, values: Float[Tensor, "n ..."]) -> None:
    """Raises WorkbenchError for what a network gives where it is not finite.

    A logit of minus infinity rules a token out, and is allowed.
    """
    if (values.isnan() | values.isposinf()).any():
        raise WorkbenchError(
            f"host {host.name}",
            "its activations on these prompts are not finite",
            "a network whose weights are of a usual size",
            "Give the checkpoint of this network.",
        )


def at_places(values: Float[Tensor, "n place ..."], scored: Tensor) -> Tensor:
    """The rows of the scored places; values that stand for one place alone are of the last."""
    if values.shape[1] == scored.shape[1]:
        return values[scored]
    return values[:, 0][scored.any(1)]
