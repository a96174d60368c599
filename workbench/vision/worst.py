"""The place where a handwritten unit is most wrong, and what each term of its theory adds there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from workbench.arrays import to_numpy
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.batches import batches
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Handwritten
from workbench.splice.inputs import Wanted, condition_inputs
from workbench.vision.activations import activations
from workbench.vision.examples import Example, example_at
from workbench.vision.pictures import Picture
from workbench.vision.pictures.patch import cells_around


@dataclass(frozen=True)
class WorstPlace:
    """One cell of one picture, in the host's units of activation.

    example   the patch around the cell, and both activations over it
    cell      the cell's row and column in the activations of `example`
    at_px     its centre on the network's picture, x and y
    parts     for each term, such as "line[0]", its drive times the unit's calibrated gain
    bias      of calibration: `link(sum of parts + bias)` is the handwritten activation
    """

    example: Example
    cell: tuple[int, int]
    at_px: tuple[float, float]
    parts: Mapping[str, float]
    bias: float

    @property
    def total(self) -> float:
        """The parts and the bias together: the handwritten activation before its link."""
        return sum(self.parts.values()) + self.bias

    @property
    def trained(self) -> float:
        """The trained unit's activation at the cell."""
        return float(self.example.trained[self.cell])

    @property
    def handwritten(self) -> float:
        """The handwritten unit's activation at the cell."""
        return float(self.example.handwritten[self.cell])


def differences(
    host: Host, splices: Splices, pictures: Sequence[Picture]
) -> Float[np.ndarray, "picture unit"]:
    """The largest difference of trained and handwritten activation over the cells of each picture.

    Raises ValueError without pictures.
    """
    rows = []
    for _, some_pictures in batches(pictures):
        x = host.input.batch(some_pictures).to(host.device)
        trained, handwritten = activations(host, splices, x)
        rows.append(np.abs(handwritten - trained).max((2, 3)))
    if not rows:
        raise ValueError("differences need at least one picture")
    return np.concatenate(rows)


def most_different(
    differs: Float[np.ndarray, "picture unit"], unit: int | None = None
) -> tuple[int, int]:
    """The picture and the unit of the largest difference; with `unit`, of that one alone."""
    columns = range(differs.shape[1]) if unit is None else [unit]
    row, column = np.unravel_index(int(differs[:, columns].argmax()), (len(differs), len(columns)))
    return int(row), columns[int(column)]


def worst_place(
    host: Host,
    splices: Splices,
    terms: Mapping[str, HandwrittenCircuit],
    picture: Picture,
    unit: int,
) -> WorstPlace:
    """The cell of a picture at which a unit's trained and handwritten activation differ most.

    `terms` are those of `workbench.compiler.derived.compile_terms`; `unit` counts within the
    circuit.
    """
    example, (row, column) = example_at(host, splices, picture, unit, "worst")
    site = host.site(splices.site)
    first = cells_around(row, site.height).start, cells_around(column, site.width).start
    x_px, y_px = (float(site.offset_px + site.stride_px * at) for at in (column, row))
    parts = _parts(host, splices, terms, picture)
    return WorstPlace(
        example,
        (row - first[0], column - first[1]),
        (x_px, y_px),
        {name: float(part[unit, row, column]) for name, part in parts.items()},
        float(_handwritten(splices).bias[unit]),
    )


@torch.inference_mode()
def _parts(
    host: Host, splices: Splices, terms: Mapping[str, HandwrittenCircuit], picture: Picture
) -> dict[str, Float[np.ndarray, "unit h w"]]:
    """Each term's drive on a picture, times the units' gains."""
    x, handwritten = host.input.batch([picture]).to(host.device), _handwritten(splices)
    donor = torch.zeros(1, dtype=torch.long)
    inputs = condition_inputs(host, terms, x, donor, Wanted(reads=frozenset()))
    gain = handwritten.gain[:, None, None]
    return {name: to_numpy((gain * inputs.drives[name][0]).float()) for name in terms}


def _handwritten(splices: Splices) -> Handwritten:
    """The condition of the theory's own circuit, with its gains and biases."""
    condition = splices.conditions["spliced"]
    if not isinstance(condition, Handwritten):
        raise TypeError(f"{condition.name} is not fitted by calibration")
    return condition
