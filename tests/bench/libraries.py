"""Other ways to run one condition: a whole forward pass with the units' activation replaced.

Each way wraps a network once, for the module of a site and its units, into a function from the
host's input and the units' values to logits. A library that cannot be imported is left out, with
the reason.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from types import SimpleNamespace

from torch import Tensor, nn

Forward = Callable[[Tensor, Tensor], Tensor]
Way = Callable[[nn.Module, str, Sequence[int]], Forward]


def put(activation: Tensor, units: Sequence[int], values: Tensor) -> Tensor:
    activation = activation.clone()
    activation[:, list(units)] = values
    return activation


def hooks(network: nn.Module, module: str, units: Sequence[int]) -> Forward:
    """A forward hook of torch's own."""

    def forward(x: Tensor, values: Tensor) -> Tensor:
        handle = network.get_submodule(module).register_forward_hook(
            lambda _, inputs, output: put(output, units, values)
        )
        try:
            return network(x)
        finally:
            handle.remove()

    return forward


def nnsight(network: nn.Module, module: str, units: Sequence[int]) -> Forward:
    from nnsight import NNsight

    model = NNsight(network)
    stage = getattr(model, module)

    def forward(x: Tensor, values: Tensor) -> Tensor:
        with model.trace(x):
            changed = stage.output.clone()
            changed[:, list(units)] = values
            stage.output = changed
            logits = model.output.save()
        return logits

    return forward


class Configured(nn.Module):
    """A network as pyvene requires it: it has a `config`, and is called with keyword arguments."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network, self.config = network, SimpleNamespace(model_type="host", to_dict=dict)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


def pyvene(network: nn.Module, module: str, units: Sequence[int]) -> Forward:
    import pyvene

    now: list[Tensor] = []
    change = {
        "component": f"network.{module}.output",
        "intervention": lambda base, source: put(base, units, now[0]),
    }
    model = pyvene.IntervenableModel(change, model=Configured(network))

    def forward(x: Tensor, values: Tensor) -> Tensor:
        now[:] = [values]
        return model({"x": x})[1]

    return forward


def installed() -> tuple[dict[str, Way], dict[str, str]]:
    """The ways whose library can be imported, and why any other is left out."""
    ways, absent = {"hooks": hooks}, {}
    for name, way in {"nnsight": nnsight, "pyvene": pyvene}.items():
        try:
            import_module(name)
        except ImportError as error:
            absent[name] = f"cannot be imported ({error}): pip install '.[bench]'"
        else:
            ways[name] = way
    return ways, absent
