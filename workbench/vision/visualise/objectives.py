"""Objectives of feature visualisation: the responses of units at the middle cell of their site."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.window import drive_at
from workbench.hosts.host import Host, Site
from workbench.hosts.trial import with_gradient
from workbench.splice.inputs import condition_inputs
from workbench.splice.slots import Slots
from workbench.vision.visualise.ascent import Objective

# Share of the steps in which the cells around the middle count too: a unit whose response at the
# middle is zero has no gradient there.
SEARCH = 0.5
SEARCH_CELLS = 3.0  # radius of those cells at the first step; it shrinks to 0 over the search
NEAR = 1  # cells about the middle, of which the highest response to a finished picture counts


def trained_response(host: Host, site: Site, slots: Slots) -> Objective:
    """The activation of one of the units `slots` for each picture, at the middle cell.

    In the first SEARCH of the steps it is a weighted mean that includes the cells around.
    """
    index = list(range(len(slots)))
    row, column = (
        torch.arange(site.height) - site.height // 2,
        torch.arange(site.width) - site.width // 2,
    )
    apart = torch.hypot(row[:, None].float(), column[None, :].float())

    def objective(rgb: Tensor, done: float) -> Tensor:
        activation = host.activations(host.input.encode(rgb), site.name)[site.name]
        response = slots.read(with_gradient(host.name, rgb, activation))[index, index]
        if done >= SEARCH:
            return response[:, site.height // 2, site.width // 2]
        weight = torch.exp(-((apart / (SEARCH_CELLS * (1 - done / SEARCH))) ** 2) / 2)
        return (response * weight).sum((1, 2)) / weight.sum()

    return objective


def handwritten_drive(host: Host, circuit: HandwrittenCircuit, units: Sequence[int]) -> Objective:
    """The drive of one of the handwritten `units` for each picture, at the middle cell."""
    middle = circuit.grid.height // 2, circuit.grid.width // 2

    def objective(rgb: Tensor, done: float) -> Tensor:
        drive = drive_at(circuit, rgb, host.picture_input.mean_rgb, middle)
        return drive[list(range(len(units))), list(units)]

    return objective


def responses_near_middle(
    host: Host, circuit: HandwrittenCircuit, made: Float[Tensor, "made 3 s s"]
) -> tuple[Float[Tensor, "made unit"], Float[Tensor, "made unit"]]:
    """The highest activation of all trained units, and the highest drive of all handwritten ones.

    They are to finished pictures, RGB 0..255, within NEAR cells of the middle.
    """
    row, column = circuit.grid.height // 2, circuit.grid.width // 2
    with torch.inference_mode():
        donor = torch.zeros(len(made), dtype=torch.long)
        inputs = condition_inputs(host, {"spliced": circuit}, host.input.encode(made), donor)
    near = (
        ...,
        slice(max(0, row - NEAR), row + NEAR + 1),
        slice(max(0, column - NEAR), column + NEAR + 1),
    )
    return inputs.trained[near].amax((2, 3)), inputs.drives["spliced"][near].amax((2, 3))
