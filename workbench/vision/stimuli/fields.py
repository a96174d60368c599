"""Stimuli that fill the picture: gratings, edges between colours or textures, and noise.

Conventions are those of `contours`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.vision.stimuli.canvas import MID_GREY, RGB, Canvas, Colour, Number, Point

# opponents about mid-grey: each other's mirror image
RED, GREEN = (200.0, 90.0, 127.0), (54.0, 164.0, 127.0)
BLUE, YELLOW = (90.0, 90.0, 220.0), (164.0, 164.0, 34.0)


def grating(
    size_px: int,
    orientation_deg: Number,
    wavelength_px: Number,
    phase_deg: Number = 0.0,
    foreground: Colour = 255.0,
    background: Colour = 0.0,
    like: Any = None,
) -> RGB:
    """A sine grating whose stripes run along `orientation_deg`.

    Coverage is (1 + cos(360 across / wavelength - phase)) / 2, with `across` 90 degrees on from the
    orientation: at phase 0 a foreground stripe runs through the middle of the picture.
    """
    canvas = Canvas(size_px, orientation_deg, wavelength_px, phase_deg, like=like)
    middle = (size_px - 1) / 2
    _, across = canvas.seen_from((middle, middle), orientation_deg)
    turn = 2 * math.pi * across / canvas.parameter(wavelength_px) - canvas.parameter(phase_deg) * (
        math.pi / 180
    )
    return canvas.paint((1 + canvas.xp.cos(turn)) / 2, foreground, background)


def colour_edge(
    size_px: int,
    point_px: Point,
    orientation_deg: Number,
    foreground: Colour = RED,
    background: Colour = GREEN,
    like: Any = None,
) -> RGB:
    """A straight edge between two colours through `point_px` along `orientation_deg` (mod 360).

    The foreground lies 90 degrees on from the orientation.
    """
    canvas = Canvas(size_px, orientation_deg, *point_px, like=like)
    _, across = canvas.seen_from(point_px, orientation_deg)
    return canvas.paint(canvas.step(across), foreground, background)


@dataclass(frozen=True)
class Textures:
    """Two gratings that meet at an edge.

    fine_px, coarse_px  their wavelengths
    tilt_deg            angle of both gratings' stripes with the edge (90: they run into it)
    phase_deg           phase of both at the point on the edge
    """

    fine_px: float = 4.0
    coarse_px: float = 16.0
    tilt_deg: float = 90.0
    phase_deg: float = 0.0


FINE_AND_COARSE = Textures()


def texture_edge(
    size_px: int,
    point_px: Point,
    centre_deg: Number,
    textures: Textures = FINE_AND_COARSE,
    window_px: float = 45.0,
    foreground: Colour = 227.0,
    background: Colour = 27.0,
    like: Any = None,
) -> RGB:
    """An edge between a fine grating, which lies towards `centre_deg`, and a coarse one.

    It is seen through a Gaussian window of standard deviation `window_px` about `point_px`; beyond
    the window lies the mean of foreground and background.
    """
    canvas = Canvas(size_px, centre_deg, *point_px, like=like)
    towards, along = canvas.seen_from(point_px, centre_deg)
    tilt, phase = math.radians(textures.tilt_deg), math.radians(textures.phase_deg)
    across = towards * math.cos(tilt) + along * math.sin(tilt)
    fine, coarse = (
        canvas.xp.cos(2 * math.pi * across / wavelength_px + phase)
        for wavelength_px in (textures.fine_px, textures.coarse_px)
    )
    side = canvas.step(towards)
    wave = (side * fine + (1 - side) * coarse) * canvas.window(
        canvas.length(towards, along), window_px
    )
    return canvas.paint((1 + wave) / 2, foreground, background)


def noise(
    size_px: int,
    generator: np.random.Generator,
    exponent: float = 1.0,
    contrast: float = 0.3,
    background: Colour = MID_GREY,
    like: Any = None,
) -> RGB:
    """Grey noise whose amplitude falls as 1 / frequency ** `exponent`, clipped to 0..255.

    An exponent of 1 is that of natural pictures (Field 1987). `contrast` is the standard deviation
    over mid-grey, before clipping. The same generator state gives the same picture.
    """
    if size_px < 2:
        raise WorkbenchError("noise", f"size_px {size_px}", "at least 2")
    frequency = np.hypot(np.fft.fftfreq(size_px)[:, None], np.fft.rfftfreq(size_px)[None, :])
    frequency[0, 0] = np.inf  # no constant part: the background is the mean
    spectrum = np.fft.rfft2(generator.standard_normal((size_px, size_px))) / frequency**exponent
    plane = np.fft.irfft2(spectrum, (size_px, size_px))
    canvas = Canvas(size_px, like=like)
    plane = canvas.array(plane * (contrast * MID_GREY / plane.std()))
    return canvas.xp.clip(
        canvas.paint(plane * 0, background, background) + plane[..., None], 0.0, 255.0
    )
