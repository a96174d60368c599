"""A host whose last layers run in bfloat16, which is faster on some processors and GPUs."""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host


class Cast(nn.Module):
    """Converts its input to another type of number."""

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        """The same numbers in this type."""
        return x.to(self.dtype)

    def extra_repr(self) -> str:
        """The type, for the network's text."""
        return str(self.dtype)


def bfloat16_after(host: Host, *sites: str) -> Host:
    """The host with the layers from the last of `sites` to its last convolution in bfloat16.

    Nothing changes up to that site and through the channelwise stages right after it
    (`Host.push`), so the units that are spliced there stay the same. Answers come in float32. The
    host itself is returned where no convolution follows. Raises WorkbenchError where the site is
    no stage of a plain `nn.Sequential`, since something may bypass it.
    """
    site = max((host.site(name).name for name in sites), key=list(host.sites).index)
    if not host.staged(site):
        raise WorkbenchError(
            f"host {host.name}",
            f"layers that may bypass {site}",
            "a plain sequence of stages",
            "Take float32, the default, for this host.",
        )
    stages = {name: host.network.get_submodule(name) for name in host.network._modules}
    first = len(stages) - len(host.stages_after_push(site))
    last = max((i for i, stage in enumerate(stages.values()) if _convolves(stage)), default=-1)
    if last < first:
        return host
    network = nn.Sequential()
    for i, (name, stage) in enumerate(stages.items()):
        if i == first:
            network.add_module("to_bfloat16", Cast(torch.bfloat16))
        network.add_module(
            name, copy.deepcopy(stage).to(torch.bfloat16) if first <= i <= last else stage
        )
        if i == last:
            network.add_module("to_float32", Cast(torch.float32))
    return replace(host, network=network.eval(), precision=f"bfloat16 behind {site}")


def _convolves(stage: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in stage.modules())
