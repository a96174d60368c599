"""Networks whose sites are written: every unit of a site as a window of its stage predicts it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from workbench.hosts.first_stage import with_weights
from workbench.hosts.host import Host
from workbench.splice.conditions import WithoutCircuit
from workbench.splice.inputs import ConditionInputs
from workbench.splice.natural import Part, PartKind, natural_parts, site_before
from workbench.splice.rivals import Window


class WrittenStage(nn.Module):
    """A stage whose units' activation is a window's prediction from what enters it."""

    def __init__(self, window: Window):
        super().__init__()
        self.window = window

    def forward(self, entering: Float[Tensor, "n c h w"]) -> Float[Tensor, "n unit h w"]:
        """The units' activation."""
        return self.window.predicted(entering)


class PartlyWritten(nn.Module):
    """A trained stage of which some units are as another stage computes them."""

    def __init__(self, trained: nn.Module, written: nn.Module, units: Sequence[int]):
        super().__init__()
        self.trained, self.written, self.units = trained, written, list(units)

    def forward(self, entering: Float[Tensor, "n c h w"]) -> Float[Tensor, "n unit h w"]:
        """The units' activation."""
        activation = self.trained(entering).clone()
        activation[:, self.units] = self.written(entering)
        return activation


def written_host(host: Host, windows: Mapping[str, tuple[Window, Sequence[int]]]) -> Host:
    """A copy of a network in which these units of these sites are as a window predicts them.

    It shares its other stages with the host, whose stages are a plain sequence. Raises
    WorkbenchError for a first site of another kind than `first_convolution` knows.
    """
    stages = dict(host.network._modules)
    digest = hashlib.sha256(host.fingerprint.encode())
    for site, (window, units) in windows.items():
        module = host.site(site).module
        first = site_before(host, site) is None
        # the host's own stage with the window's weights need not cut patches
        written = (
            with_weights(host, window.gain[:, None] * window.weight.flatten(1), window.bias)
            if first
            else WrittenStage(window)
        )
        if len(units) < host.site(site).channels:
            written = PartlyWritten(host.module(site), written, units)
        stages[module] = written
        digest.update(f"\n{site} {window.fitted_parameters()} {list(units)}".encode())
    network = nn.Sequential()
    for name, stage in stages.items():
        network.add_module(name, stage)
    return replace(host, network=network.eval(), fingerprint=digest.hexdigest())


@dataclass(frozen=True)
class FromInput(WithoutCircuit):
    """The activation of a whole site in a network that is handwritten up to it."""

    written: Host
    reads = frozenset[PartKind]({"input"})

    def fitted_parameters(self) -> str:
        """SHA-256, in hex, of the handwritten network."""
        known = f"{type(self).__qualname__} {self.written.fingerprint}"
        return hashlib.sha256(known.encode()).hexdigest()

    def __call__(self, inputs: ConditionInputs) -> Float[Tensor, "n unit h w"]:
        """The units' activation."""
        part = Part("site", inputs.site_name)
        with torch.no_grad():
            return natural_parts(self.written, inputs.given("input"), [part])[part]
