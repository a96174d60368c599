"""A device that is not there: tensors that compute on the processor, and claim to be on `cuda:0`.

As on a real device, what is made without a device is on the processor, and an operation on tensors
of both raises, save where torch allows it: numbers of no dimension and indices may stay on the
processor, and a copy may cross. Neither NumPy nor DLPack reads such a tensor. So a run that forgets
a tensor on the processor fails here, on any machine; and since the values are real, its results can
be compared.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

CUDA = torch.device("cuda:0")
CROSSING = (
    torch.ops.aten._to_copy,
    torch.ops.aten.copy_,
    torch.ops.aten.index,
    torch.ops.aten.index_put,
    torch.ops.aten.index_put_,
)


class Elsewhere(torch.Tensor):
    """A tensor of that device; `held` has its values."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "Elsewhere":
        shape = (held.shape, held.stride(), held.storage_offset())
        made = torch.Tensor._make_wrapper_subclass(
            cls, *shape, dtype=held.dtype, device=held.device
        )
        made.held = held
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return CUDA

    def tolist(self) -> list:
        return self.held.tolist()

    def __repr__(self) -> str:  # type: ignore[override]
        return f"Elsewhere({self.held})"

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        target = args[1] if function is torch.Tensor.to and len(args) == 2 else None
        if isinstance(target, cls):  # torch would look at the memory beneath
            return args[0].to(CUDA, target.dtype)
        if function is torch.Tensor.cpu or str(target) == "cpu":
            return args[0].held.clone()
        return super().__torch_function__(function, types, args, kwargs or {})

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


def run(function, args, kwargs):
    """An operation, on this device if any of its tensors is, or if it is told to go there."""
    leaves = tree_flatten((args, kwargs))[0]
    tensors = [each for each in leaves if isinstance(each, torch.Tensor)]
    here = any(isinstance(each, Elsewhere) for each in tensors)
    strangers = [each for each in tensors if not isinstance(each, Elsewhere) and each.ndim]
    if here and strangers and function.overloadpacket not in CROSSING:
        raise RuntimeError(
            f"{function}: expected all tensors on {CUDA}, found some on the processor"
        )
    asked = [each.type for each in leaves if isinstance(each, torch.device)]
    there = "cuda" in asked if asked else here
    plain_args, plain_kwargs = tree_map(_plain, (args, kwargs))
    result = function(*plain_args, **plain_kwargs)
    if function._schema.is_mutable:
        return args[0]
    return (
        tree_map(lambda leaf: Elsewhere(leaf) if isinstance(leaf, torch.Tensor) else leaf, result)
        if there
        else result
    )


def _plain(leaf):
    if isinstance(leaf, torch.device):
        return torch.device("cpu")
    return leaf.held if isinstance(leaf, Elsewhere) else leaf


class _Factories(TorchDispatchMode):
    """Sends what is made on `cuda` to this device."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


@contextmanager
def elsewhere() -> Iterator[str]:
    """Within the block torch has this device, under its name."""
    before = torch._C._only_lift_cpu_tensors()
    with pytest.MonkeyPatch.context() as patch, _Factories():
        patch.setattr(torch.cuda, "_lazy_init", lambda: None)  # or torch looks for a driver
        patch.setattr(
            torch.__future__, "get_overwrite_module_params_on_conversion", lambda: True
        )  # as between real devices
        patch.setattr(
            torch, "inference_mode", torch.no_grad
        )  # a view of what was made outside it has no version to keep
        patch.setattr(torch.cuda, "get_device_name", lambda device: "a device that is not there")
        torch._C._ensureCUDADeviceGuardSet()
        torch._C._set_only_lift_cpu_tensors(
            True
        )  # torch.tensor(..., device="cuda") is a copy then, which the mode sees
        try:
            yield str(CUDA)
        finally:
            torch._C._set_only_lift_cpu_tensors(before)
