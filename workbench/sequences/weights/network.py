"""A copy of a host with handwritten numbers in some of its tensors."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor

from workbench.hosts.frozen import state_fingerprint
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import loaded, shape_of
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Patterns
from workbench.sequences.sites import BEFORE_ALL
from workbench.sequences.splice import TokenCondition
from workbench.splice.conditions import ConditionFacts

# (a tensor's name as in TransformerLens, its head or None for the whole tensor) -> its numbers
Weights = Mapping[tuple[str, int | None], Tensor]
Layers = Mapping[int, Sequence[int]]  # heads by layer


def attention(layer: int, name: str) -> str:
    """The name of a tensor of a layer's attention, such as W_Q."""
    return f"blocks.{layer}.attn.{name}"


def mlp(layer: int, name: str) -> str:
    """The name of a tensor of a layer's neurons, such as W_in."""
    return f"blocks.{layer}.mlp.{name}"


def with_weights(host: Host, weights: Weights, theory: str) -> Host:
    """A copy of the host with these weights; the host itself stays as it is.

    Raises ValueError for numbers of another shape than the tensor's, and KeyError for a tensor
    that the network does not have.
    """
    state = {name: value.clone() for name, value in host.network.state_dict().items()}
    for (name, head), value in weights.items():
        place = state[name] if head is None else state[name][head]
        if place.shape != value.shape:
            raise ValueError(f"{name}: {tuple(value.shape)}, expected {tuple(place.shape)}")
        place.copy_(value)
    name = f"{host.name}+{theory}"
    network = loaded(name, shape_of(host), state)
    source = f"a copy of {host.name} with {len({name for name, _ in weights})} tensors handwritten"
    return replace(
        host, name=name, fingerprint=state_fingerprint(network), network=network, source=source
    )


def network_condition(
    facts: ConditionFacts, network: Host, first: int = BEFORE_ALL, heads: Layers | None = None
) -> TokenCondition:
    """A condition in which a network with other weights runs.

    first  the first layer in which its weights are others
    heads  those whose patterns are compared with the trained ones
    """

    def patterns(run: NaturalRun) -> Patterns:
        return made.spliced(network, run)[1] or {}

    made = TokenCondition(
        facts,
        lambda run: {},
        patterns if heads else None,
        network=network,
        first=first,
        heads=heads,
    )
    return made
