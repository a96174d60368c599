"""Null hosts: a host's architecture with its learnt structure destroyed.

Whatever a survey finds there is a false positive.

Each unit's weights are shuffled within the unit, over its inputs and over the places of its kernel.
So every unit keeps its numbers, and with them its norm, its tails, its response to a uniform
picture, and its bias. Its responses to other pictures change, and biases and batch norms no longer
fit their inputs: activations shrink, by several times at the curve sites of inceptionv1 and
squeezenet, and some units become zero everywhere, most of them after batch norms. A survey compares
each unit's responses to its stimuli with the same unit's responses to photographs, so the size of
activations alone decides nothing. But a unit that is always zero cannot pass, and a null host with
many of them is a weaker test. Newly drawn weights (Gaussian, of He et al.'s or the trained norm)
make whole layers zero, where the absence of a family would test nothing.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor

from workbench.hosts.frozen import state_fingerprint
from workbench.hosts.host import Host


def null_host(host: Host, seed: int = 0) -> Host:
    """A copy of the host with each unit's weights shuffled within the unit, by seed.

    Its classes have no meaning.
    """
    network = copy.deepcopy(host.network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, weight in sorted(network.named_parameters()):
            if weight.ndim > 1:
                weight.copy_(shuffled_rows(weight, generator))
    return replace(
        host,
        fingerprint=state_fingerprint(network),
        network=network,
        source=f"{host.source}, weights shuffled, seed {seed}",
    )


def shuffled_rows(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Each row `weight[i]` in a random order, drawn for each row."""
    rows = weight.flatten(1)
    return rows.gather(1, torch.rand(rows.shape, generator=generator).argsort(1)).reshape(
        weight.shape
    )
