"""Responses of a family's units to rotated pictures.

These are drawings of several sizes, and natural pictures, seen through a disc.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.analyses.equivariance.disc import TURNS_DEG, about, disc_px, through_disc
from workbench.analyses.equivariance.drawings import DRAWN, MIRRORED, Draw
from workbench.cache import Arrays, Cache, Kept, cache_key
from workbench.code import code_version
from workbench.engine import here
from workbench.hosts.grid import middle_px
from workbench.hosts.host import Host
from workbench.progress import Progress
from workbench.spec.circuit import TrainedCircuit
from workbench.vision.geometry.frames import LUMA, Frames, Tables, mirrored, resized, turned
from workbench.vision.geometry.gabor import OPPONENT
from workbench.vision.pictures import Picture

OCTAVES = np.arange(-1.0, 1.01, 0.5)  # sizes that are drawn
OWN_OCTAVES = np.array([-0.5, 0.0, 0.5])  # sizes that are compared, about each unit's own
TURNED, RESPONSE = "turned", "response"  # the kind of cache entry, and the name of its array
RING, PLACES = 0.3, 8  # places on a ring about the middle; its radius is a share of the disc's


@dataclass(frozen=True)
class Turned:
    """Each unit's responses, read where its feature is expected.

    A natural picture is a stimulus at each of several places.

    stimuli  their names; `partner` is the index of each one's mirror image
    octaves  their sizes, logarithms to base 2
    """

    stimuli: tuple[str, ...]
    partner: Int[np.ndarray, " stimulus"]
    octaves: Float[np.ndarray, " size"]
    values: Float[np.ndarray, "stimulus size turn unit"]

    @property
    def turning(self) -> "Turned":
        """The same less each unit's mean over turns of each stimulus, which depends on no turn."""
        return replace(self, values=self.values - self.values.mean(2, keepdims=True))

    def tables(self, frames: Frames) -> Tables:
        """The responses in the units' own frames, a row for each stimulus, size and turn."""
        sized = resized(self.values, self.octaves, OWN_OCTAVES, frames.octaves)
        aligned = turned(sized, frames.turn_deg)
        views, count = (aligned, mirrored(aligned, self.partner)), aligned.shape[-1]
        return Tables(*(rows.reshape(-1, count).T for rows in views))


def on_drawings(
    host: Host, circuit: TrainedCircuit, sizes: bool, progress: Progress, cache: Cache | None = None
) -> Turned:
    """Responses to drawn stimuli, their apex at the middle of the site.

    With `sizes` they are drawn at all OCTAVES. `progress` advances by stimuli; with a cache, known
    responses are read from it.
    """
    octaves, site = OCTAVES if sizes else np.zeros(1), host.site(circuit.site)
    middle, responses, kept = middle_px(site), [], _kept(host, circuit, cache)
    at = torch.tensor(middle).expand(len(TURNS_DEG), 1, 2)

    def respond(draw: Draw) -> dict[str, np.ndarray]:
        rgb = (
            draw(host.picture_input.size_px, middle, torch.tensor(TURNS_DEG), float(2**octave))
            .movedim(-1, 1)
            .float()
            for octave in octaves
        )
        values = [read(host, circuit, pictures, at)[:, 0] for pictures in rgb]
        return {RESPONSE: torch.stack(values).numpy()}

    def entry(name: str) -> Arrays:
        return kept.once(f"{name} {octaves.tolist()}", partial(respond, DRAWN[name]))

    for arrays in here(entry, DRAWN):
        responses.append(arrays[RESPONSE])
        progress(1)
    names = list(DRAWN)
    partner = np.array([names.index(MIRRORED.get(name, name)) for name in names])
    return Turned(tuple(names), partner, octaves, np.stack(responses).astype(np.float64))


def on_pictures(
    host: Host,
    circuit: TrainedCircuit,
    pictures: Sequence[Picture],
    progress: Progress,
    cache: Cache | None = None,
) -> Turned:
    """Responses to natural pictures and their mirror images, turned about the middle of the site.

    They are seen through a disc, so that the same pixels are seen at every turn. The responses are
    read at the middle and at PLACES about it, which turn with the picture. `progress` advances by
    pictures; with a cache, known responses are read from it.
    """
    site = host.site(circuit.site)
    around = torch.deg2rad(torch.arange(PLACES) * 360.0 / PLACES)
    ring = RING * disc_px(host, site) * torch.stack([torch.cos(around), torch.sin(around)], -1)
    places, responses = torch.cat([torch.zeros(1, 2), ring]), []
    kept = _kept(host, circuit, cache)

    def respond(picture: Picture) -> dict[str, np.ndarray]:
        rgb = host.input.decode(host.input.batch([picture]))
        sides = [
            (through_disc(host, site, rgb, side), about(site, places * torch.tensor([1.0, side])))
            for side in (1.0, -1.0)
        ]
        return {
            RESPONSE: torch.cat(
                [read(host, circuit, shown, at).movedim(1, 0) for shown, at in sides]
            ).numpy()
        }

    for arrays in here(lambda one: kept.once(one.sha256, partial(respond, one)), pictures):
        responses.append(arrays[RESPONSE])
        progress(1)
    values = np.concatenate(responses)[:, None].astype(np.float64)
    count = len(places)
    index = np.arange(len(values)).reshape(-1, 2, count)
    names = tuple(
        f"{picture.name} {side}@{i}"
        for picture in pictures
        for side in ("", "mirrored ")
        for i in range(count)
    )
    return Turned(names, index[:, ::-1].ravel(), np.zeros(1), values)


def _kept(host: Host, circuit: TrainedCircuit, cache: Cache | None) -> Kept:
    """The responses of the same units, at the same shifts, that earlier runs computed."""
    return Kept(
        cache,
        TURNED,
        cache_key(
            code_version(),
            host.facts,
            circuit.site,
            [(unit.unit, unit.shift_px) for unit in circuit.units],
        ),
    )


def frames_of(circuit: TrainedCircuit) -> Frames:
    """The units' frames, from their poses.

    The size of a unit is its radius, or else its scale; its colour is its mixture or its channel.
    """
    units = circuit.units
    sizes = np.array([unit.radius_px or unit.scale or 1.0 for unit in units])
    mixtures = [
        unit.mixture or tuple(float(unit.channel == name) for name in OPPONENT) for unit in units
    ]
    # in coordinates whose axes have length 1
    parts = np.array(mixtures) * [np.linalg.norm(axis) for axis in OPPONENT.values()]
    parts[~parts.any(1)] = LUMA
    octaves = np.log2(sizes)
    colour = parts / np.linalg.norm(parts, axis=1, keepdims=True)
    return Frames(np.array(circuit.directions_deg), octaves - octaves.mean(), colour)


def read(
    host: Host,
    circuit: TrainedCircuit,
    rgb: Float[Tensor, "n 3 h w"],
    at_px: Float[Tensor, "n place 2"],
) -> Float[Tensor, "n place unit"]:
    """Each unit's response to a feature at these places of each picture.

    The place is moved by the unit's shift; the response is linear between the cells about it.
    """
    site, units = host.site(circuit.site), list(circuit.channels("equivariance"))
    shift = torch.tensor([unit.shift_px or (0.0, 0.0) for unit in circuit.units])
    cells = (at_px[:, None] - shift[None, :, None] - site.offset_px) / site.stride_px
    grid = 2 * cells / (torch.tensor([site.width, site.height]) - 1) - 1
    with torch.inference_mode():
        maps = host.activations(host.input.encode(rgb), site.name)[site.name][:, units]
        responses = F.grid_sample(
            maps.flatten(0, 1)[:, None], grid.flatten(0, 1)[:, :, None].float(), align_corners=True
        )
    return responses[:, 0, :, 0].unflatten(0, (len(rgb), len(units))).movedim(1, 2)
