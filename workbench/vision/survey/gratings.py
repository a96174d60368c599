"""Gratings in each opponent channel, and the responses of a linear layer's units to them.

They have every orientation, phase and wavelength.

Measuring receptive fields by gratings: Ringach, Sapiro & Shapley 1997, doi
10.1016/S0042-6989(96)00247-7.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.cache import Arrays
from workbench.compiler.respond import in_circuit_units
from workbench.errors import WorkbenchError
from workbench.hosts.host import Host, Site
from workbench.vision.geometry.gabor import OPPONENT
from workbench.vision.stimuli import grating
from workbench.vision.survey.responses import Steps, activations, apex_of, centre_cell

ORIENTATIONS_DEG = np.arange(0.0, 180.0, 15.0)
PHASES_DEG = np.arange(0.0, 360.0, 45.0)
# half an octave apart: pictures have the same power in each (Field 1987)
WAVELENGTHS_PX = (2.5, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0)
# of the strongest colour about the mean: pictures vary far less in colour
CONTRAST = {"luma": 100.0, "red-green": 20.0, "blue-yellow": 20.0}
WIDEST_PX = 33  # of a receptive field
DRAWN = 12  # gratings that are drawn at once: in float64 and RGB all would take much memory
# pictures of noise for each window that is tried, and their standard deviation
PATCHES, NOISE = 8, 80.0

SUMMARY = (
    f"sine gratings every {ORIENTATIONS_DEG[1]:g} degrees and {PHASES_DEG[1]:g} degrees of phase, "
    f"wavelengths {', '.join(f'{px:g}' for px in WAVELENGTHS_PX)} px, about the mean colour in "
    f"{', '.join(f'{name} (contrast {contrast:g})' for name, contrast in CONTRAST.items())}"
)


@dataclass(frozen=True)
class Trials:
    """Gratings in the middle cell's receptive field, one row each, and the cell's responses.

    shown      the receptive field's pixels, in circuit units
    responses  of every unit
    kinds      (channel, wavelength in pixels, orientation, phase at the cell, both in degrees)
    """

    shown: Float[Tensor, "n 3 k k"]
    responses: Float[Tensor, "n unit"]
    kinds: tuple[tuple[str, float, float, float], ...]

    @property
    def by_kind(self) -> Float[Tensor, "channel wavelength orientation phase unit"]:
        """The responses, an axis for each part of `kinds`."""
        return self.responses.reshape(
            len(CONTRAST), len(WAVELENGTHS_PX), len(ORIENTATIONS_DEG), len(PHASES_DEG), -1
        )


def show(host: Host, site: Site, steps: Steps) -> Trials:
    """Responses of the middle cell's units to every grating.

    Raises WorkbenchError where their receptive field is too large for filters on the picture.
    """
    reach = field_px(host, site) // 2
    cell = centre_cell(site)
    x, y = map(int, apex_of(site, cell))
    groups = list(itertools.product(CONTRAST, WAVELENGTHS_PX))

    def measured(i: int) -> Arrays:
        rgb = draw(host, *groups[i])
        field = in_circuit_units(
            rgb[:, :, y - reach : y + reach + 1, x - reach : x + reach + 1],
            host.picture_input.mean_rgb,
        )
        maps = activations(host, rgb, [site.name])[site.name]
        return {"shown": field.numpy(), "responses": maps[:, :, cell[0], cell[1]].numpy()}

    trials = list(steps("gratings", len(groups), measured, site.name))
    shown, responses = (
        torch.from_numpy(np.concatenate([trial[name] for trial in trials])).double()
        for name in ("shown", "responses")
    )
    middle = (host.picture_input.size_px - 1) / 2
    kinds = tuple(
        (
            channel,
            wavelength_px,
            orientation,
            _phase_at(x - middle, y - middle, wavelength_px, orientation, phase),
        )
        for channel, wavelength_px in groups
        for orientation, phase in itertools.product(ORIENTATIONS_DEG, PHASES_DEG)
    )
    return Trials(shown, responses, kinds)


def field_px(host: Host, site: Site) -> int:
    """Side of the smallest odd square about the middle cell that holds its receptive field.

    It is found by trying noise: no pixel beyond the square changes the cell's activations. Raises
    WorkbenchError if it is larger than WIDEST_PX.
    """
    cell, generator = centre_cell(site), torch.Generator().manual_seed(0)
    x, y = map(int, apex_of(site, cell))
    size, mean = (
        host.picture_input.size_px,
        torch.tensor(host.picture_input.mean_rgb)[:, None, None],
    )
    inside, outside = (
        mean + NOISE * torch.randn(PATCHES, 3, size, size, generator=generator) for _ in range(2)
    )

    def responses(rgb: Tensor) -> Tensor:
        return activations(host, rgb, [site.name])[site.name][:, :, cell[0], cell[1]]

    whole = responses(inside)
    for reach in range(WIDEST_PX // 2 + 1):
        rgb = outside.clone()
        within = (
            ...,
            slice(max(0, y - reach), y + reach + 1),
            slice(max(0, x - reach), x + reach + 1),
        )
        rgb[within] = inside[within]
        if torch.allclose(responses(rgb), whole, rtol=1e-4, atol=1e-4 * float(whole.abs().max())):
            return 2 * reach + 1
    raise WorkbenchError(
        f"host {host.name}: site {site.name}",
        f"units that see more than {WIDEST_PX} px",
        "filters on the picture",
        "Survey the host's first convolution.",
    )


def draw(
    host: Host,
    channel: str,
    wavelength_px: float,
    phases_deg: Float[np.ndarray, " phase"] = PHASES_DEG,
) -> Float[Tensor, "n 3 h w"]:
    """Draw one grating for each orientation and phase, the last fastest, RGB 0..255."""
    orientation, phase = (
        torch.tensor(angles.ravel())
        for angles in np.meshgrid(ORIENTATIONS_DEG, phases_deg, indexing="ij")
    )
    waves = [
        grating(
            host.picture_input.size_px,
            some_orientations,
            wavelength_px,
            some_phases,
            foreground=1.0,
            background=-1.0,
        )[..., 0].float()
        for some_orientations, some_phases in zip(
            orientation.split(DRAWN), phase.split(DRAWN), strict=True
        )
    ]
    wave = torch.cat(waves)
    direction = torch.tensor(OPPONENT[channel])
    colour = CONTRAST[channel] * direction / direction.abs().max()
    return (
        torch.tensor(host.picture_input.mean_rgb)[:, None, None]
        + wave[:, None] * colour[:, None, None]
    )


def _phase_at(
    x: float, y: float, wavelength_px: float, orientation_deg: float, phase_deg: float
) -> float:
    """Phase of a grating at a point that lies (x, y) from the picture's middle.

    `phase_deg` is its phase in the middle.
    """
    across = y * math.cos(math.radians(orientation_deg)) - x * math.sin(
        math.radians(orientation_deg)
    )
    return phase_deg - 360 * across / wavelength_px


def amplitudes(trials: Trials) -> Float[np.ndarray, "orientation unit"]:
    """Each unit's highest response by orientation, at its preferred channel and wavelength."""
    peaks = trials.by_kind.amax(3).flatten(0, 1)
    best = peaks.amax(1).argmax(0)
    return peaks[best, :, torch.arange(len(best))].T.numpy()
