"""The cost of units: how much the network's answers change where a unit's activation is off.

It is the Fisher information of the answers with respect to the activation (Amari & Nagaoka 2000,
Methods of Information Geometry, section 2.2): half of it times the squared errors is the KL that
small and independent errors cause. It is estimated with one answer a picture, drawn from the
network's own distribution.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.evaluate.batches import batches
from workbench.hosts.host import Host
from workbench.hosts.output import ClassOutput
from workbench.vision.pictures import Picture
from workbench.work import Work

STAGE = "cost of units"


def classes_of(host: Host) -> ClassOutput:
    """The host's output. Raises WorkbenchError where its answers are no classes."""
    if not isinstance(host.output, ClassOutput):
        raise WorkbenchError(
            f"host {host.name}", "its answers are no classes", "a classifier, or no --units"
        )
    return host.output


def unit_costs(
    host: Host, site: str, pictures: Sequence[Picture], work: Work
) -> Float[Tensor, " unit"]:
    """For each unit of a site the Fisher information of the answers, summed over positions.

    It is the mean over pictures of the squared gradients of the log-probability of an answer drawn
    with the work's seed.
    """
    advance, several = work.stage(STAGE, len(pictures)), batches(pictures)
    draws = np.random.default_rng(work.seed).random(len(pictures))
    items = [(batch, draws[start : start + len(batch)]) for start, batch in several]
    total = torch.zeros(host.site(site).channels)
    for part, (batch, _) in zip(
        work.engine(partial(_of_batch, host, site), items), items, strict=True
    ):
        total += part
        advance(len(batch))
    return total / len(pictures)


def _of_batch(
    host: Host, site: str, item: tuple[Sequence[Picture], Float[np.ndarray, " n"]]
) -> Float[Tensor, " unit"]:
    """The sum over a batch."""
    batch, draws = item
    x = host.input.batch(batch).to(host.device)
    with torch.no_grad():
        activation = host.activations(x, site)[site]
    activation = activation.detach().requires_grad_()
    answer, _ = host.resume(x, site, activation)
    probabilities = answer if classes_of(host).probabilities else answer.softmax(1)
    chosen = _drawn(probabilities.detach(), torch.as_tensor(draws, device=answer.device))
    log = probabilities.gather(1, chosen[:, None]).clamp_min(torch.finfo(answer.dtype).tiny).log()
    (gradient,) = torch.autograd.grad(log.sum(), activation)
    return gradient.square().sum((0, *range(2, gradient.ndim))).cpu()


def _drawn(probabilities: Float[Tensor, "n class"], draws: Float[Tensor, " n"]) -> Tensor:
    """For each item the class in whose share of the interval from 0 to 1 its draw lies."""
    ends = probabilities.double().cumsum(1)
    return (ends < draws[:, None] * ends[:, -1:]).sum(1)
