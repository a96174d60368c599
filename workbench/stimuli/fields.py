"""Stimuli that fill the picture: gratings, colour edges and noise. Conventions as in `contours`."""

import math
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError
from workbench.stimuli.canvas import MID_GREY, RGB, Canvas, Colour, Number, Point

RED, GREEN = (200.0, 90.0, 127.0), (54.0, 164.0, 127.0)  # opponents about mid-grey: each other's mirror image
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
    """A sine grating whose stripes run along `orientation_deg`; at phase 0 a foreground stripe runs through the middle of the picture.

    Coverage is (1 + cos(360 across / wavelength - phase)) / 2, with `across` 90 degrees on from the orientation.
    """
    canvas = Canvas(size_px, orientation_deg, wavelength_px, phase_deg, like=like)
    middle = (size_px - 1) / 2
    _, across = canvas.seen_from((middle, middle), orientation_deg)
    turn = 2 * math.pi * across / canvas.parameter(wavelength_px) - canvas.parameter(phase_deg) * (math.pi / 180)
    return canvas.paint((1 + canvas.xp.cos(turn)) / 2, foreground, background)


def colour_edge(
    size_px: int,
    point_px: Point,
    orientation_deg: Number,
    foreground: Colour = RED,
    background: Colour = GREEN,
    like: Any = None,
) -> RGB:
    """A straight edge through `point_px` along `orientation_deg` (mod 360): the foreground lies 90 degrees on from the orientation."""
    canvas = Canvas(size_px, orientation_deg, *point_px, like=like)
    _, across = canvas.seen_from(point_px, orientation_deg)
    return canvas.paint(canvas.step(across), foreground, background)


def texture_edge(
    size_px: int,
    point_px: Point,
    centre_deg: Number,
    fine_px: float = 4.0,
    coarse_px: float = 16.0,
    tilt_deg: float = 90.0,
    phase_deg: float = 0.0,
    window_px: float = 45.0,
    foreground: Colour = 227.0,
    background: Colour = 27.0,
    like: Any = None,
) -> RGB:
    """Where a fine grating meets a coarse one, through a Gaussian window about `point_px`: the fine one lies towards `centre_deg`.

    Both have stripes at `tilt_deg` from the edge (90: they run into it) and are as far in their cycles at the point, `phase_deg`; beyond the window
    lies the mean of foreground and background.
    """
    canvas = Canvas(size_px, centre_deg, *point_px, like=like)
    towards, beside = canvas.seen_from(point_px, centre_deg)
    tilt, phase = math.radians(tilt_deg), math.radians(phase_deg)
    across = towards * math.cos(tilt) + beside * math.sin(tilt)
    fine, coarse = (canvas.xp.cos(2 * math.pi * across / wavelength_px + phase) for wavelength_px in (fine_px, coarse_px))
    side = canvas.step(towards)
    wave = (side * fine + (1 - side) * coarse) * canvas.window(canvas.length(towards, beside), window_px)
    return canvas.paint((1 + wave) / 2, foreground, background)


def noise(
    size_px: int,
    generator: np.random.Generator,
    exponent: float = 1.0,
    contrast: float = 0.3,
    background: Colour = MID_GREY,
    like: Any = None,
) -> RGB:
    """Grey noise whose amplitude falls as 1 / frequency ** `exponent` (1: as in natural pictures, Field 1987), clipped to 0..255.

    `contrast` is its standard deviation over mid-grey, before clipping. The same generator state gives the same picture.
    """
    if size_px < 2:
        raise WorkbenchError("noise", f"size_px {size_px}", "at least 2")
    frequency = np.hypot(np.fft.fftfreq(size_px)[:, None], np.fft.rfftfreq(size_px)[None, :])
    frequency[0, 0] = np.inf  # no constant part: the background is the mean
    spectrum = np.fft.rfft2(generator.standard_normal((size_px, size_px))) / frequency**exponent
    plane = np.fft.irfft2(spectrum, (size_px, size_px))
    canvas = Canvas(size_px, like=like)
    plane = canvas.array(plane * (contrast * MID_GREY / plane.std()))
    return canvas.xp.clip(canvas.paint(plane * 0, background, background) + plane[..., None], 0.0, 255.0)
