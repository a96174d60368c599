"""The first stage of a network, where it is one convolution over the input and a ReLU."""

import copy

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.hosts.branches import Branch, bias_of, unit_path
from workbench.hosts.host import Host


def patches(host: Host, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n tap h2 w2"]:
    """The part of the input that each cell of the first site sees, its taps as channels.

    They are in the order of the convolution's weights of a unit. Raises WorkbenchError where the
    stage is not known.
    """
    taps = first_convolution(host).weight[0].numel()
    # The stage itself pads and strides, with an identity as weights; its ReLU leaves one sign each.
    stage = with_weights(host, torch.eye(taps, dtype=x.dtype, device=x.device), None)
    with torch.no_grad():
        return stage(x) - stage(-x)


def with_weights(
    host: Host, weight: Float[Tensor, "unit tap"], bias: Float[Tensor, " unit"] | None
) -> nn.Module:
    """A copy of the first stage with these weights of its patches (`patches`).

    Raises WorkbenchError where the stage is not known.
    """
    shape = first_convolution(host).weight.shape[1:]
    stage = copy.deepcopy(host.module(next(iter(host.sites))))
    (convolution,) = _convolutions(stage)
    convolution.weight = nn.Parameter(weight.view(-1, *shape), requires_grad=False)
    convolution.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    return stage


def first_branch(host: Host) -> Branch:
    """The units of the first site as units that read its patches at their own cell."""
    convolution = first_convolution(host)
    units, taps = len(convolution.weight), convolution.weight[0].numel()
    pointwise = nn.Conv2d(taps, units, 1)
    weight = convolution.weight.detach().reshape(units, taps, 1, 1)
    pointwise.weight = nn.Parameter(weight, requires_grad=False)
    pointwise.bias = nn.Parameter(bias_of(convolution).detach(), requires_grad=False)
    return Branch((pointwise,), list(range(units)), list(range(units)))


def first_convolution(host: Host) -> nn.Conv2d:
    """The convolution of the first site's stage. Raises WorkbenchError where it is not known."""
    site = next(iter(host.sites))
    names = list(host.network._modules)
    first = host.staged(site) and names[0] == host.site(site).module
    alone = first and len(_convolutions(host.module(site))) == 1
    path = unit_path(host.module(site), 0) if alone else None
    if path is None or path[0] is not None or path[1][0].groups != 1:
        raise WorkbenchError(
            f"host {host.name}: site {site}",
            "what its units compute from the input is not known",
            "a first stage of one convolution and a ReLU",
        )
    return path[1][0]


def _convolutions(stage: nn.Module) -> list[nn.Conv2d]:
    return [module for module in stage.modules() if isinstance(module, nn.Conv2d)]
