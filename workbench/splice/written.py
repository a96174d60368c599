"""Networks whose sites are written: every unit of a site as a window of its stage predicts it."""

import hashlib
from collections.abc import Mapping
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
    """A stage whose activation is a window's prediction from what enters it."""

    def __init__(self, window: Window):
        super().__init__()
        self.window = window

    def forward(self, entering: Float[Tensor, "n c h w"]) -> Float[Tensor, "n unit h w"]:
        """The units' activation."""
        return self.window.predicted(entering)


def written_host(host: Host, windows: Mapping[str, Window]) -> Host:
    """A copy of a network in which every unit of these sites is as its window predicts it.

    It shares its other stages with the host, whose stages are a plain sequence. Raises
    WorkbenchError for a first site of another kind than `first_convolution` knows.
    """
    stages = dict(host.network._modules)
    digest = hashlib.sha256(host.fingerprint.encode())
    for site, window in windows.items():
        module = host.site(site).module
        first = site_before(host, site) is None
        # the host's own stage with the window's weights need not cut patches
        stages[module] = (
            with_weights(host, window.gain[:, None] * window.weight.flatten(1), window.bias)
            if first
            else WrittenStage(window)
        )
        digest.update(f"\n{site} {window.fitted_parameters()}".encode())
    network = nn.Sequential()
    for name, stage in stages.items():
        network.add_module(name, stage)
    return replace(host, network=network.eval(), fingerprint=digest.hexdigest())


@dataclass(frozen=True)
class FromInput(WithoutCircuit):
    """A window's prediction from what enters its stage in a network whose sites are written."""

    written: Host
    window: Window
    reads = frozenset[PartKind]({"input"})

    def fitted_parameters(self) -> str:
        """SHA-256, in hex, of the handwritten network below and of the window."""
        known = f"{self.written.fingerprint} {self.window.fitted_parameters()}"
        return hashlib.sha256(f"{type(self).__qualname__} {known}".encode()).hexdigest()

    def __call__(self, inputs: ConditionInputs) -> Float[Tensor, "n unit h w"]:
        """The units' activation."""
        part = Part("entering", inputs.site_name)
        with torch.no_grad():
            entering = natural_parts(self.written, inputs.given("input"), [part])[part]
            return self.window.predicted(entering)
