"""What the units of a family say to pictures that turn: drawn ones, of several sizes, and natural ones, seen through a disc."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.cache import Cache, Kept, known_by
from workbench.code import computed_by
from workbench.evaluate.run import Progress
from workbench.evaluate.turned_drawings import DRAWN, MIRRORED, Draw, Point
from workbench.hosts.host import Host, Site
from workbench.pictures import Picture, batch
from workbench.spec.circuit import TrainedCircuit
from workbench.theory.frames import LUMA, Frames, Tables, mirrored, resized, turned
from workbench.theory.gabor import OPPONENT

TURNS_DEG = np.arange(0.0, 360.0, 15.0)
OCTAVES = np.arange(-1.0, 1.01, 0.5)  # sizes that are drawn
OWN_OCTAVES = np.array([-0.5, 0.0, 0.5])  # sizes that are compared, about each unit's own
TURNED, SAID = "turned", "said"  # the kind of cache entry, and its array
SOFT_PX = 6.0  # of the edge of the disc
RING, PLACES = 0.3, 8  # places on a ring about the middle, its radius a part of the disc's


@dataclass(frozen=True)
class Turned:
    """Each unit's responses, read where it wants its feature; a natural picture is a stimulus at each of several places.

    stimuli  their names; `partner` is the index of each one's mirror image
    octaves  their sizes, logarithms to base 2
    """

    stimuli: tuple[str, ...]
    partner: Int[np.ndarray, " stimulus"]
    octaves: Float[np.ndarray, " size"]
    values: Float[np.ndarray, "stimulus size turn unit"]

    @property
    def turning(self) -> "Turned":
        """The same less each unit's mean over turns of each stimulus: how it likes that kind of stimulus says nothing of turns."""
        return replace(self, values=self.values - self.values.mean(2, keepdims=True))

    def tables(self, frames: Frames) -> Tables:
        """The responses in the units' own frames, a row for each stimulus, size and turn."""
        sized = resized(self.values, self.octaves, OWN_OCTAVES, frames.octaves)
        seen = turned(sized, frames.turn_deg)
        count = seen.shape[-1]
        return Tables(*(each.reshape(-1, count).T for each in (seen, mirrored(seen, self.partner))))


def on_drawings(host: Host, circuit: TrainedCircuit, sizes: bool, progress: Progress, cache: Cache | None = None) -> Turned:
    """Responses to drawn stimuli, their apex at the middle of the site; with `sizes` at all OCTAVES. `progress` is told of stimuli; with a cache,
    one that was shown before is not shown again."""
    octaves, site = OCTAVES if sizes else np.zeros(1), host.site(circuit.site)
    middle, found, kept = middle_px(site), [], _kept(host, circuit, cache)
    at = torch.tensor(middle).expand(len(TURNS_DEG), 1, 2)

    def said(draw: Draw) -> dict[str, np.ndarray]:
        rgb = (draw(host.input.size_px, middle, torch.tensor(TURNS_DEG), float(2**octave)).movedim(-1, 1).float() for octave in octaves)
        return {SAID: torch.stack([read(host, circuit, each, at)[:, 0] for each in rgb]).numpy()}

    for name, draw in DRAWN.items():
        found.append(kept.once(f"{name} {octaves.tolist()}", partial(said, draw))[SAID])
        progress(1)
    names = list(DRAWN)
    partner = np.array([names.index(MIRRORED.get(name, name)) for name in names])
    return Turned(tuple(names), partner, octaves, np.stack(found).astype(np.float64))


def on_pictures(host: Host, circuit: TrainedCircuit, pictures: Sequence[Picture], progress: Progress, cache: Cache | None = None) -> Turned:
    """Responses to natural pictures and their mirror images, turned about the middle of the site and seen through a disc, so that no corner
    comes or goes; at the middle and at PLACES about it, which turn with the picture. With a cache, a picture that was shown before is not shown
    again."""
    site = host.site(circuit.site)
    around = torch.deg2rad(torch.arange(PLACES) * 360.0 / PLACES)
    ring = RING * disc_px(host, site) * torch.stack([torch.cos(around), torch.sin(around)], -1)
    places, found, kept = torch.cat([torch.zeros(1, 2), ring]), [], _kept(host, circuit, cache)

    def said(picture: Picture) -> dict[str, np.ndarray]:
        rgb = host.input.decode(batch([picture], host.input))
        sides = [(through_disc(host, site, rgb, side), about(site, places * torch.tensor([1.0, side]))) for side in (1.0, -1.0)]
        return {SAID: torch.cat([read(host, circuit, shown, at).movedim(1, 0) for shown, at in sides]).numpy()}

    for picture in pictures:
        found.append(kept.once(picture.sha256, partial(said, picture))[SAID])
        progress(1)
    values = np.concatenate(found)[:, None].astype(np.float64)
    count = len(places)
    index = np.arange(len(values)).reshape(-1, 2, count)
    names = tuple(f"{picture.name} {side}@{i}" for picture in pictures for side in ("", "mirrored ") for i in range(count))
    return Turned(names, index[:, ::-1].ravel(), np.zeros(1), values)


def _kept(host: Host, circuit: TrainedCircuit, cache: Cache | None) -> Kept:
    """What the units, read where they stand for their feature, said before."""
    return Kept(cache, TURNED, known_by(computed_by(), host.facts, circuit.site, [(unit.unit, unit.shift_px) for unit in circuit.units]))


def frames_of(circuit: TrainedCircuit) -> Frames:
    """The units' frames, from their poses: their size is that of their radius, or else their scale; their colour is their mixture or channel."""
    units = circuit.units
    sizes = np.array([unit.radius_px or unit.scale or 1.0 for unit in units])
    mixtures = [unit.mixture or tuple(float(unit.channel == name) for name in OPPONENT) for unit in units]
    parts = np.array(mixtures) * [np.linalg.norm(axis) for axis in OPPONENT.values()]  # in coordinates whose axes have length 1
    parts[~parts.any(1)] = LUMA
    octaves = np.log2(sizes)
    colour = parts / np.linalg.norm(parts, axis=1, keepdims=True)
    return Frames(np.array([unit.centre_deg for unit in units]), octaves - octaves.mean(), colour)


def middle_px(site: Site) -> Point:
    """Input pixel (x, y) at the centre of the middle cell."""
    return float(site.offset_px + site.stride_px * (site.width // 2)), float(site.offset_px + site.stride_px * (site.height // 2))


def disc_px(host: Host, site: Site) -> float:
    """Radius of the largest disc about the middle that lies within the picture."""
    return min(min(at, host.input.size_px - 1 - at) for at in middle_px(site))


def through_disc(host: Host, site: Site, rgb: Float[Tensor, "1 3 h w"], side: float) -> Float[Tensor, "turn 3 h w"]:
    """The picture (side -1: its mirror image, up and down exchanged) turned by TURNS_DEG, clockwise as seen, within the disc; the colour of the
    host's padding outside."""
    size, middle = host.input.size_px, torch.tensor(middle_px(site))
    line_px = torch.arange(size, dtype=torch.float32)
    x, y = line_px[None, :] - middle[0], line_px[:, None] - middle[1]
    turn = torch.deg2rad(torch.tensor(TURNS_DEG, dtype=torch.float32))[:, None, None]
    source = torch.stack([x * torch.cos(turn) + y * torch.sin(turn), side * (y * torch.cos(turn) - x * torch.sin(turn))], -1)
    grid = 2 * (source + middle) / (size - 1) - 1
    shown = F.grid_sample(rgb.expand(len(TURNS_DEG), -1, -1, -1), grid, mode="bicubic", padding_mode="border", align_corners=True)
    inside = ((disc_px(host, site) - torch.hypot(x, y)) / SOFT_PX).clamp(0, 1)
    ground = torch.tensor(host.input.mean_rgb)[:, None, None]
    return ground + inside * (shown.clamp(0, 255) - ground)


def about(site: Site, places: Float[Tensor, "place 2"]) -> Float[Tensor, "turn place 2"]:
    """Places, given in pixels from the middle, as they lie in the picture at each of TURNS_DEG."""
    turn = torch.deg2rad(torch.tensor(TURNS_DEG, dtype=torch.float32))[:, None]
    x, y = places[:, 0], places[:, 1]
    moved = torch.stack([x * torch.cos(turn) - y * torch.sin(turn), x * torch.sin(turn) + y * torch.cos(turn)], -1)
    return torch.tensor(middle_px(site)) + moved


def read(
    host: Host, circuit: TrainedCircuit, rgb: Float[Tensor, "n 3 h w"], at_px: Float[Tensor, "n place 2"]
) -> Float[Tensor, "n place unit"]:
    """What each unit says to a feature at these places of each picture: linear between the cells about where, by its shift, it stands for it."""
    site, units = host.site(circuit.site), [unit.unit for unit in circuit.units]
    shift = torch.tensor([unit.shift_px or (0.0, 0.0) for unit in circuit.units])
    cells = (at_px[:, None] - shift[None, :, None] - site.offset_px) / site.stride_px
    grid = 2 * cells / (torch.tensor([site.width, site.height]) - 1) - 1
    with torch.inference_mode():
        maps = host.activations(host.input.encode(rgb), site.name)[site.name][:, units]
        said = F.grid_sample(maps.flatten(0, 1)[:, None], grid.flatten(0, 1)[:, :, None].float(), align_corners=True)
    return said[:, 0, :, 0].unflatten(0, (len(rgb), len(units))).movedim(1, 2)
