"""A frozen copy of a module, and the fingerprint of its weights."""

import copy
import hashlib
import itertools
import json

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from workbench.errors import WorkbenchError, described

# Classes of torch, by a part of their path, whose stages cannot be hooked or copied one by one.
UNFIT = (
    ("torch.jit.", "is scripted", "Give the module that was scripted or traced."),
    ("torch.nn.parallel.", "spreads its batches over devices", "Give its `.module`."),
    ("torch._dynamo.", "is compiled", "Give the module that was compiled (its `._orig_mod`)."),
    (".quantized.", "is quantised", "Give the network as it was before it was quantised."),
)
COPY_REMEDY = (
    "Delete what it keeps from earlier runs, such as activations, and what cannot be copied, such "
    "as locks and open files. Undo an older weight_norm, spectral_norm or pruning by "
    "torch.nn.utils.remove_weight_norm, remove_spectral_norm or prune.remove."
)


def frozen_copy(name: str, module: nn.Module) -> nn.Module:
    """A copy on the CPU, in eval mode, with no gradients and no stage that works in place.

    name  of the host, for errors

    Raises WorkbenchError for what is no module, for one that is scripted, compiled, quantised or
    spread over devices, for tensors without values, and for a module that cannot be copied or
    stays in training mode.
    """
    _refuse_unfit(name, module)
    try:
        network = copy.deepcopy(module)
    except Exception as error:
        raise WorkbenchError(
            f"host {name}",
            f"its module cannot be copied: {described(error)}",
            remedy=COPY_REMEDY,
        ) from error
    network.cpu()
    network.requires_grad_(False)
    network.eval()  # its value is not used, since a `train` of the user's may return nothing
    training = [stage or "itself" for stage, part in network.named_modules() if part.training]
    if training:
        raise WorkbenchError(
            f"host {name}",
            f"in training mode after eval(): {', '.join(training[:3])}",
            remedy="Let its train(mode) call super().train(mode).",
        )
    return _nothing_in_place(network)


def state_fingerprint(network: nn.Module) -> str:
    """SHA-256 over the state dict in order of names: each tensor's name, type, shape and bytes.

    Extra state that is no tensor counts by its JSON. Raises WorkbenchError where it has none.
    """
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        if not isinstance(value, Tensor):
            digest.update(f"{name} {_json(name, value)}\n".encode())
            continue
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        dense = value.detach().cpu().to_dense().contiguous()
        digest.update(dense.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _json(name: str, value: object) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise WorkbenchError(
            "the network's state",
            f"{name} has no fingerprint: {error}",
            "tensors, or extra state of numbers, text, lists and dictionaries",
        ) from error


def _refuse_unfit(name: str, module: nn.Module) -> None:
    where = f"host {name}"
    if not isinstance(module, nn.Module):
        raise WorkbenchError(where, f"a {type(module).__name__}", "a torch.nn.Module")
    for stage, part in module.named_modules():
        path = f"{type(part).__module__}.{type(part).__qualname__}"
        for pattern, problem, remedy in UNFIT:
            if path.startswith("torch.") and pattern in path:
                subject = f"its submodule {stage}" if stage else "its module"
                raise WorkbenchError(where, f"{subject} {problem} ({path})", remedy=remedy)
    for tensor_name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
        if is_lazy(tensor):
            raise WorkbenchError(
                where,
                f"its parameter {tensor_name} has no shape yet",
                remedy="Run the network once on a batch, or load its weights.",
            )
        if tensor.is_meta:
            raise WorkbenchError(
                where,
                f"its tensor {tensor_name} is on the device meta, without values",
                remedy="Make the network on the CPU, and load its weights.",
            )


def _nothing_in_place(network: nn.Module) -> nn.Module:
    """The network with no stage that writes over its input, which may be a site's activation."""
    for stage in network.modules():
        if getattr(stage, "inplace", False) is True:
            stage.inplace = False  # type: ignore[assignment]
    return network
