"""A new host's first run: whether its network takes its input, and what its sites give.

The batch is of two items, since a network that takes one alone cannot be scored.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import WorkbenchError, described
from workbench.hosts.input import Input, PictureInput
from workbench.hosts.layout import Site
from workbench.hosts.output import Output

ITEMS = 2
BATCH = "Its forward must take one tensor, a batch of any size, and keep its first axis."
FLOAT = "Give network.float()."


def tried(
    name: str, network: nn.Module, modules: Mapping[str, str], input: Input
) -> tuple[Any, dict[str, list[Any]]]:
    """The answer to a batch of two, and all that each site's submodule gave on the way.

    The batch is the input's example, and noise where the input is of pictures. Raises
    WorkbenchError for whatever the network raises.
    """
    example = input.example()
    activations: dict[str, list[Any]] = {site: [] for site in modules}

    def keep(site: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda module, inputs, output: activations[site].append(output)

    handles = [
        network.get_submodule(submodule).register_forward_hook(keep(site))
        for site, submodule in modules.items()
    ]
    try:
        with torch.no_grad():
            return network(torch.cat([example, _other(input, example)])), activations
    except Exception as error:
        raise _refused(name, network, example, error) from error
    finally:
        for handle in handles:
            handle.remove()


def site_problem(site: str, given: list[Any], declared: Site | None, linked: bool) -> str:
    """The fault of what a site's submodule gave on the batch; empty if there is none.

    declared  the site itself, where it is not to be measured
    linked    whether the link of a site to be measured is declared
    """
    if len(given) != 1:
        return f"its submodule ran {len(given)} times on one input; expected once"
    value = given[0] if declared is None else declared.units_first(given[0])
    shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
    if isinstance(shape, tuple) and shape[:1] == (ITEMS,):
        shape = (1, *shape[1:])
    if declared is not None and isinstance(value, Tensor) and value.ndim <= declared.axis:
        return f"its submodule gives {shape}; declared are units along its axis {declared.axis}"
    if declared is not None:
        expected = (1, declared.channels, *declared.layout.shape)
        if shape != expected:
            return f"its submodule gives {shape}; declared is one tensor of {expected}"
    elif len(shape) != 4 or isinstance(shape, str):
        return f"its submodule gives {shape}; expected one tensor n c h w"
    if len(value) != ITEMS:
        return f"its submodule gives {tuple(value.shape)} for {ITEMS} inputs"
    if value.dtype != torch.float32:
        remedy = "Name a submodule with real values" if value.is_complex() else FLOAT
        return f"its submodule gives {value.dtype}; expected torch.float32. {remedy}"
    if declared is None and not linked and (value < 0).any():
        return (
            f"its activation falls to {float(value.min()):.3g}, and a unit is not below 0 unless "
            f'that is declared. Write links={{"{site}": "identity"}}, or name a submodule after '
            "the ReLU"
        )
    return ""


def answer_problems(answer: object, output: Output) -> list[str]:
    """The faults of the answer to the batch; none where answers are not compared."""
    if not output.compared or not isinstance(answer, Tensor) or answer.ndim == 0:
        return output.problems(answer)
    if answer.ndim == 2 and len(answer) != ITEMS:
        return [f"the network gives {tuple(answer.shape)} for {ITEMS} inputs. {BATCH}"]
    if problems := output.problems(answer[:1] if len(answer) == ITEMS else answer):
        return problems
    if answer.dtype not in (torch.float32, torch.float64):
        return [f"the network gives {answer.dtype}; expected torch.float32. {FLOAT}"]
    return []


def with_gradient(name: str, x: Tensor, activation: Tensor) -> Tensor:
    """The activation of a host on `x`; raises WorkbenchError if only `x` has a gradient."""
    if x.requires_grad and not activation.requires_grad:
        raise WorkbenchError(
            f"host {name}",
            "its network computes no gradient",
            remedy="Take torch.no_grad, torch.inference_mode and detach out of its forward.",
        )
    return activation


def _other(input: Input, example: Tensor) -> Tensor:
    """An input that is not the example, if the workbench knows how to make one."""
    if not isinstance(input, PictureInput):
        return example
    size = (1, 3, input.size_px, input.size_px)
    return input.encode(255 * torch.rand(size, generator=torch.Generator().manual_seed(0)))


def _refused(name: str, network: nn.Module, example: Tensor, error: Exception) -> WorkbenchError:
    """The error of a network that does not take the batch."""
    items = "an input" if not _takes(network, example) else f"{ITEMS} inputs at a time, each"
    shape = " x ".join(map(str, example.shape[1:]))
    return WorkbenchError(
        f"host {name}",
        f"does not take {items} of {shape}: {described(error)}",
        remedy=_remedy(network, example),
    )


def _remedy(network: nn.Module, example: Tensor) -> str:
    types = sorted(str(weights.dtype) for weights in network.parameters())
    if types and {*types} != {str(torch.float32)}:
        return f"Its weights are {' and '.join(dict.fromkeys(types))}. {FLOAT}"
    layers = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    if layers and layers[0].in_channels == 1 != example.shape[1]:
        return 'Write PictureInput(..., order="grey") for a network of one channel.'
    return BATCH


def _takes(network: nn.Module, example: Tensor) -> bool:
    try:
        with torch.no_grad():
            network(example)
    except Exception:
        return False
    return True
