"""Positions of the calibration pictures, on which rivals are fitted."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.evaluate.calibration import stream_inputs
from workbench.hosts.branches import Branch
from workbench.matching.subject import Subject
from workbench.splice.inputs import ConditionInputs, Wanted
from workbench.splice.rivals import branch_drive
from workbench.splice.sampled import chosen_positions, rows_at, windows_at
from workbench.vision.pictures import Picture
from workbench.work import Work

POSITIONS = 64  # of each calibration picture
ENTERING = Wanted(frozenset(), frozenset({"entering"}))
FEATURES = 4096  # of a window, at most: a wider one is cut to its middle
FAR_BELOW = 0.5  # spreads of a unit's activation below 0: how far down a drive need not be fitted


@dataclass(frozen=True)
class Sample:
    """Positions of the calibration pictures, one row each.

    windows  what enters the stage in a window about the position, `row c kh kw` flattened
    shape    (c, kh, kw) of a window
    trained  the units' activation
    target   their drive before the link; no further below 0 than FAR_BELOW spreads
    """

    windows: Float[Tensor, "row feature"]
    shape: tuple[int, int, int]
    trained: Float[Tensor, "row unit"]
    target: Float[Tensor, "row unit"]

    @property
    def spread(self) -> Float[Tensor, " feature"]:
        """The standard deviation of each feature; those that hardly vary get a small one."""
        spread = self.windows.std(0)
        return spread.clamp_min(1e-5 * float(spread.max()) + 1e-12)

    @property
    def input_spread(self) -> Float[Tensor, " c"]:
        """The standard deviation of each channel that enters, at the position itself."""
        channels, height, width = self.shape
        return self.spread.view(channels, height * width)[:, height * width // 2]


def sample_of(
    subject: Subject, branches: Sequence[Branch], calibration: Sequence[Picture], work: Work
) -> Sample:
    """Random positions of every calibration picture; the same for the same seed."""
    widest = max(branch.convolutions[-1].kernel_size[0] for branch in branches)
    rows, trained, drives, channels, side = [], [], [], 0, widest
    for batch, chosen in _positions(subject, calibration, work, "sample windows"):
        entering = batch.given("entering")
        channels = entering.shape[1]
        side = next(
            size for size in range(widest, 0, -2) if size == 1 or channels * size**2 <= FEATURES
        )
        width = entering.shape[3]
        rows.append(windows_at(entering, chosen // width, chosen % width, side // 2))
        trained.append(rows_at(batch.trained, chosen))
        drives.append(rows_at(branch_drive(branches, entering), chosen))
    activation, drive = torch.cat(trained), torch.cat(drives)
    target = torch.maximum(drive, -FAR_BELOW * activation.std(0))
    return Sample(torch.cat(rows), (channels, side, side), activation, target)


def sampled_drives(
    subject: Subject,
    many: Sequence[Sequence[Branch]],
    calibration: Sequence[Picture],
    work: Work,
) -> list[Float[Tensor, "row unit"]]:
    """The drives through each of many sets of branches, at the positions of `sample_of`."""
    drives: list[list[Tensor]] = [[] for _ in many]
    for batch, chosen in _positions(subject, calibration, work, "trained weights"):
        for column, branches in zip(drives, many, strict=True):
            drive = branch_drive(branches, batch.given("entering"))
            column.append(rows_at(drive, chosen))
    return [torch.cat(column) for column in drives]


def _positions(
    subject: Subject, calibration: Sequence[Picture], work: Work, name: str
) -> Iterator[tuple[ConditionInputs, Tensor]]:
    """Every batch of calibration pictures, with positions chosen at random."""
    generator = np.random.default_rng(work.seed)
    circuits, progress = {"spliced": subject.circuit}, work.stage(name, len(calibration))
    with torch.inference_mode():
        for batch in stream_inputs(subject.host, circuits, calibration, work, ENTERING, progress):
            yield batch, chosen_positions(batch.trained, POSITIONS, generator)
