"""Trained weights that a fit compares with the theory's, beside the responses.

They are the weights that `workbench explain` compares (docs/explain.md): from trained units of a
family to the trained units of the last one, expanded through bottlenecks, each multiplied by the
upstream unit's response to its ideal stimulus.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.bind import Bound, ideal_responses
from workbench.compiler.circuit import Layer
from workbench.compiler.compile import compile_theory
from workbench.compiler.ideal import LIKE
from workbench.compiler.layer import Value, read_weights
from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.matching.weights import expanded, folded, of_one_size
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Theory
from workbench.splice.natural import site_before
from workbench.theory.poses import Units


@dataclass(frozen=True)
class _Pair:
    """One family that the last one reads: its trained units, and their weights to the last."""

    family: str
    layer: Layer
    ideal: Float[Tensor, "up 1 1"]
    counts: Float[Tensor, "up 1 1"]
    trained: Float[Tensor, "down up kh kw"]
    stride: int


class TrainedWeights:
    """The weights of trained units to a trained circuit, compared with the theory's weights.

    `bound` maps families to their trained units at the site just before the circuit's. Raises
    WorkbenchError for a family that the last one does not read, units of another site, and units
    whose weights are not known.
    """

    def __init__(self, theory: Theory, trained: TrainedCircuit, host: Host, bound: Bound):
        self.last = list(theory.families.values())[-1]
        for family, units in bound.items():
            _refuse_unread(theory, trained, host, family, units)
        layers = compile_theory(theory, trained, host, bound=bound).layers
        by_name = {layer.family: layer for layer in layers}
        self.pairs = [
            _pair(by_name[family], trained, host, units) for family, units in bound.items()
        ]

    def cosine(self, value: Value, units: Units) -> Tensor:
        """Cosine of the theory's and the trained weights, mean over families.

        `value` gives the current tensor of each Number, `units` are at their current poses.
        """
        units = replace(units, typical_px=self.last.typical_radius_px)
        return torch.stack([self._cosine(pair, value, units) for pair in self.pairs]).mean()

    def _cosine(self, pair: _Pair, value: Value, units: Units) -> Tensor:
        terms = self.last.reads[pair.family]
        weight = read_weights(self.last, units, pair.layer, terms, value, LIKE)
        theory = pair.ideal * folded(weight * pair.counts, pair.stride)
        a, b = of_one_size(pair.trained, theory)
        return (a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-30)


def _pair(layer: Layer, trained: TrainedCircuit, host: Host, units: TrainedCircuit) -> _Pair:
    labels = [unit.unit for unit in trained.units]
    whole = expanded(host, units.site, trained.site, labels).double()
    ideal = torch.from_numpy(ideal_responses(host, units, layer.units)).double()[:, None, None]
    (read,) = layer.reads
    return _Pair(
        layer.family,
        layer,
        ideal,
        read.weight.sum((1, 2, 3))[:, None, None],
        whole[:, list(units.channels("a fit of weights"))] * ideal,
        host.site(trained.site).stride_px // host.site(units.site).stride_px,
    )


def _refuse_unread(
    theory: Theory, trained: TrainedCircuit, host: Host, family: str, units: TrainedCircuit
) -> None:
    where = f"weights from {family!r} to {trained.circuit} at {trained.site}"
    read = list(theory.families.values())[-1].reads
    if family not in read:
        raise WorkbenchError(
            where, "the last family does not read it", f"one of {', '.join(map(repr, read))}"
        )
    if units.site != site_before(host, trained.site):
        raise WorkbenchError(
            where,
            f"its trained units are at {units.site}",
            f"units at {site_before(host, trained.site)}, the site just before",
        )
