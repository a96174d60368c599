"""Networks that are a plain sequence of stages: an `nn.Sequential`, and no subclass of it.

Only there can a run be resumed at a site, since nothing bypasses a stage. A sequence with hooks or
with a `forward` of its instance alone may do more than its stages do, so it is no plain one.
"""

from collections.abc import Collection, Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules import module as torch_module

PATCHABLE = ("forward", "_call_impl")  # methods that a call of a module looks up in its instance


def is_stage(network: nn.Module, module: str) -> bool:
    """Whether the submodule of that name is a stage of a plain sequence."""
    return is_plain_sequence(network) and "." not in module


def is_plain_sequence(network: nn.Module) -> bool:
    """Whether a run of the network is a run of its stages one by one, and nothing else."""
    return type(network) is nn.Sequential and not is_altered(network)


def stages_after(network: nn.Module, module: str) -> list[nn.Module]:
    """The stages after the one of that name; none if it is no stage of a plain sequence."""
    if not is_stage(network, module):
        return []
    names = list(network._modules)  # `named_children` leaves out the second use of a module
    return [network.get_submodule(name) for name in names[names.index(module) + 1 :]]


def channelwise(stages: Sequence[nn.Module], sites: Collection[nn.Module]) -> int:
    """How many of the first stages act on every channel by itself.

    The count ends before a stage that is one of `sites`, since a splice may take place there.
    """
    for count, stage in enumerate(stages):
        if not _acts_channelwise(stage) or any(stage is site for site in sites):
            return count
    return len(stages)


def passed_through(stages: Sequence[nn.Module], activation: Tensor) -> Tensor:
    """The activation after these stages; what is given is not written over."""
    for stage in stages:
        activation = F.relu(activation) if type(stage) is nn.ReLU else stage(activation)
    return activation


def _acts_channelwise(stage: nn.Module) -> bool:
    """Judges by the very class, since a subclass may do anything."""
    if type(stage) is nn.MaxPool2d:
        channelwise = not stage.return_indices
    else:
        channelwise = type(stage) in (nn.ReLU, nn.AvgPool2d) or "channelwise" in vars(type(stage))
    return channelwise and not is_altered(stage)


def is_altered(module: nn.Module) -> bool:
    """Whether a call does more than the class's `forward`: by hooks, or by a patched instance.

    The workbench itself sets hooks on the modules of sites alone, where `push` ends anyway.
    """
    hooks = (
        module._forward_pre_hooks,
        module._forward_hooks,
        torch_module._global_forward_pre_hooks,
        torch_module._global_forward_hooks,
    )
    return any(hooks) or any(name in vars(module) for name in PATCHABLE)
