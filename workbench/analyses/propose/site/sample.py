"""Positions of pictures: what enters the site's stage about them, and the units' activation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.evaluate.batches import batches, without_gradients
from workbench.evaluate.groups import items_of
from workbench.hosts.branches import CHANNELS_APART, Branch, branches, stages_between
from workbench.hosts.first_stage import first_branch
from workbench.hosts.host import Host, Site
from workbench.splice.natural import Part, natural_parts, site_before
from workbench.splice.rivals import branch_drive
from workbench.splice.sampled import chosen_positions, rows_at, windows_at
from workbench.vision.pictures import Picture
from workbench.work import Work

POSITIONS = 32  # of each picture
FAR_BELOW = 0.5  # spreads of a unit's activation below 0: how far down a drive need not be fitted
INPUT = "input"  # the word of the language for what a first layer reads
WIDEST = 5  # cells of a window, whatever the kernels are


@dataclass(frozen=True)
class Sample:
    """Positions, one row each.

    windows  what enters the stage about the position
    natural  what enters the trained network's stage at the position; the middle of `windows` is
             another only where sites below are handwritten
    trained  the units' activation
    target   their drive before the link, where it is known, and no further down than FAR_BELOW
    item     the index of the content of each row's picture
    """

    windows: Float[Tensor, "row below tap"]
    natural: Float[Tensor, "row below"]
    trained: Float[Tensor, "row unit"]
    target: Float[Tensor, "row unit"]
    item: Int[np.ndarray, " row"]

    def __len__(self) -> int:
        return len(self.item)

    @property
    def pictures(self) -> int:
        """How many different pictures there are."""
        return int(np.unique(self.item).size)

    def part(self, rows: Sequence[bool] | np.ndarray) -> "Sample":
        """Those of its rows."""
        chosen = torch.from_numpy(np.asarray(rows))
        return Sample(
            self.windows[chosen],
            self.natural[chosen],
            self.trained[chosen],
            self.target[chosen],
            self.item[rows],
        )

    def of(self, units: Sequence[int]) -> "Sample":
        """The same rows of some of its units."""
        columns = list(units)
        return replace(self, trained=self.trained[:, columns], target=self.target[:, columns])


@dataclass(frozen=True)
class Stage:
    """The inputs of a site's units: the site before, their convolutions if known, the window.

    before   INPUT for the host's first site, whose units read that
    written  the network that gives what enters the stage: the host, or a copy of it whose sites
             before are handwritten
    """

    host: Host
    site: Site
    before: str
    branches: Sequence[Branch]
    side: int
    written: Host


def stage_of(host: Host, site: str, written: Host | None = None) -> Stage:
    """The stage of a site, which reads `written`, or else the host itself.

    Raises WorkbenchError for one whose input is not known.
    """
    before = site_before(host, site)
    if before is None:
        return Stage(host, host.site(site), INPUT, [first_branch(host)], 1, written or host)
    if stages_between(host, before, site) is None:
        raise WorkbenchError(
            f"host {host.name}: site {site}",
            f"something other than {before} may enter its stage",
            "two neighbours of a chain, as mixed3a and mixed3b of inceptionv1",
        )
    try:
        paths = branches(
            host, before, site, range(host.site(site).channels), CHANNELS_APART, own_pool=True
        )
    except WorkbenchError:
        paths = []
    kernels = [branch.convolutions[-1].kernel_size[0] for branch in paths] or [3]
    side = min(WIDEST, max(kernels))
    return Stage(host, host.site(site), before, paths, side, written or host)


def sample(stage: Stage, pictures: Sequence[Picture], work: Work, name: str) -> Sample:
    """Random positions of every picture; the same for the same seed.

    Raises WorkbenchError where what enters the stage lies on other cells than its units.
    """
    generator = np.random.default_rng(work.seed)
    advance, parts = work.stage(name, len(pictures)), []
    content = items_of([picture.sha256 for picture in pictures])
    several = batches(pictures)
    run = work.engine(partial(without_gradients, partial(_run, stage)), [b for _, b in several])
    for (start, batch), (entering, natural, trained, drive) in zip(several, run, strict=True):
        chosen = chosen_positions(trained, POSITIONS, generator)
        width = trained.shape[3]
        windows = windows_at(entering, chosen // width, chosen % width, stage.side // 2)
        item = np.repeat(content[start : start + len(batch)], len(chosen))
        rows = (rows_at(value, chosen) for value in (natural, trained, drive))
        parts.append((windows.unflatten(1, (entering.shape[1], -1)), *rows, item))
        advance(len(batch))
    windows, natural, trained, drive = (torch.cat([part[i] for part in parts]) for i in range(4))
    item = np.concatenate([part[4] for part in parts])
    return Sample(windows, natural, trained, fitted_drive(drive, trained), item)


def fitted_drive(
    drive: Float[Tensor, "row unit"], trained: Float[Tensor, "row unit"]
) -> Float[Tensor, "row unit"]:
    """The drive no further down than FAR_BELOW: below, all drives give the same activation."""
    return torch.maximum(drive, -FAR_BELOW * trained.std(0))


def _run(stage: Stage, pictures: Sequence[Picture]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The stage's input as written and as trained, the units' trained activation and drive."""
    host, site = stage.host, stage.site
    wanted = [Part(kind, site.name) for kind in ("entering", "site")]
    x = host.input.batch(pictures).to(host.device)
    natural, trained = (value.cpu() for value in natural_parts(host, x, wanted).values())
    entering = natural
    if stage.written is not host:
        entering = natural_parts(stage.written, x, wanted[:1])[wanted[0]].cpu()
    if entering.shape[2:] != trained.shape[2:]:
        raise WorkbenchError(
            f"host {host.name}: site {site.name}",
            f"{tuple(trained.shape[2:])} cells, but its stage reads {tuple(entering.shape[2:])}",
            "a site whose stage keeps the cells that it reads",
        )
    drive = branch_drive(stage.branches, natural) if stage.branches else trained
    return entering, natural, trained, drive
