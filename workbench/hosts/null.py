"""Null hosts: a host's architecture with what it learnt destroyed. What a survey finds there, it finds in nothing.

Each unit's weights are shuffled within it: over what it reads and over the places of its kernel. So every unit keeps its numbers, and with them
its norm, its tails, its answer to an even picture, and its bias. What it answers to pictures changes: biases and batch norms were trained for
other inputs. Activations shrink, by several times at the curve sites of inceptionv1 and squeezenet, and units fall silent that were not, most of
them behind batch norms. A survey weighs each unit's answers to its stimuli against the same unit's answers to photographs, so loudness alone
decides nothing there; but a silent unit can pass nothing, and a null host with many is a weaker test. Weights drawn anew (Gaussian, of He et al.'s
or the trained norm) let whole layers fall silent, and no family in a dead network is no test.
"""

import copy
from dataclasses import replace

import torch
from torch import Tensor

from workbench.hosts.custom import state_fingerprint
from workbench.hosts.host import Host


def null_host(host: Host, seed: int = 0) -> Host:
    """A copy of the host, each unit's weights shuffled within the unit; the same for the same seed. Its classes mean nothing."""
    network = copy.deepcopy(host.network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _, weight in sorted(network.named_parameters()):
            if weight.ndim > 1:
                weight.copy_(shuffled_rows(weight, generator))
    return replace(host, fingerprint=state_fingerprint(network), network=network, source=f"{host.source}, weights shuffled, seed {seed}")


def shuffled_rows(weight: Tensor, generator: torch.Generator) -> Tensor:
    """Each row `weight[i]` in an order of its own."""
    rows = weight.flatten(1)
    return rows.gather(1, torch.rand(rows.shape, generator=generator).argsort(1)).reshape(weight.shape)
