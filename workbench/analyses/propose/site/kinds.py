"""The kinds of drawn stimuli: each names the family of the units that prefer it.

A kind is one row of KINDS. Its answer at a direction is the highest over its variants; the answer
to a variant is the lowest over its pictures, so that a unit must answer to all of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.analyses.propose.site import drawings
from workbench.analyses.propose.site.drawings import FIELDS

STEP_DEG = 15.0
FULL_DEG = 360.0
WAVELENGTHS_PX = (3.0, 5.0, 8.0, 14.0, 24.0)
COLOUR_WAVELENGTHS_PX = (8.0, 20.0)


@dataclass(frozen=True)
class Drawing:
    """One stimulus: a function of `drawings`, its words, and after how far a turn it looks alike.

    It is 0 where turning changes nothing.
    """

    draw: Callable
    words: tuple[tuple[str, Any], ...]
    period_deg: float

    @property
    def turned_deg(self) -> tuple[float, ...]:
        """The directions in which it is drawn."""
        return directions(self.period_deg)


@dataclass(frozen=True)
class Kind:
    """A family's stimuli.

    name        of the family
    period_deg  the turn after which its units are the same; 0 where they have no direction
    variants    each a group of drawings that a unit must all answer
    weight      what its answers count for where families compete: below 1 for rich stimuli, which
                contain simpler ones
    """

    name: str
    period_deg: float
    variants: tuple[tuple[Drawing, ...], ...]
    weight: float = 1.0


def directions(period_deg: float) -> tuple[float, ...]:
    """Directions every STEP_DEG over a period; one where there is none."""
    return tuple(STEP_DEG * i for i in range(max(1, round(period_deg / STEP_DEG))))


def _drawn(draw: Callable, period_deg: float, **words: Any) -> Drawing:
    return Drawing(draw, tuple(words.items()), period_deg)


def _variants(
    draw: Callable, period_deg: float, *several: Mapping
) -> tuple[tuple[Drawing, ...], ...]:
    """One variant for each of the words."""
    return tuple((_drawn(draw, period_deg, **words),) for words in several)


PHASES_DEG = (("bright", 0.0, 180.0), ("dark", 180.0, 180.0), ("odd", 270.0, 360.0))
ANY_PHASE = 1.4  # a unit that answers the worst phase 1 / 1.4 as well as the best is phaseless
RICH = 0.85  # weight of stimuli that contain simpler ones
PLAIN = 0.95  # of fields
NOISY = 0.8  # of noise, whose best picture of four counts
SIGNS = (1.0, -1.0)


def _gratings() -> Iterator[Kind]:
    """Gabors of one phase, and gratings of any: a unit that answers to all phases is the latter."""
    for length in WAVELENGTHS_PX:
        by_phase = {
            name: _drawn(drawings.wave, period_deg, wavelength_px=length, phase_deg=phase_deg)
            for name, phase_deg, period_deg in PHASES_DEG
        }
        for name, drawing in by_phase.items():
            yield Kind(f"gabor-{name}-{length:g}", drawing.period_deg, ((drawing,),))
        yield Kind(f"grating-{length:g}", 180, (tuple(by_phase.values()),), ANY_PHASE)


def _colours() -> Iterator[Kind]:
    """Stripes and edges of two opponent colours."""
    for channel in ("red-green", "blue-yellow"):
        for length in COLOUR_WAVELENGTHS_PX:
            even, odd = (
                [
                    {"wavelength_px": length, "phase_deg": phase_deg, "channel": channel}
                    for phase_deg in phases
                ]
                for phases in ((0.0, 180.0), (270.0,))
            )
            yield Kind(f"{channel}-stripes-{length:g}", 180, _variants(drawings.wave, 180, *even))
            yield Kind(f"{channel}-sides-{length:g}", 360, _variants(drawings.wave, 360, *odd))
        yield Kind(f"{channel}-edge", 360, _variants(drawings.edge, 360, {"channel": channel}))


def _contours() -> Iterator[Kind]:
    for name, sign in (("bright", 1.0), ("dark", -1.0)):
        widths = [{"width_px": width, "sign": sign} for width in (2.0, 5.0)]
        yield Kind(f"line-{name}", 180, _variants(drawings.bar, 180, *widths))
    yield Kind("edge", 360, _variants(drawings.edge, 360, {"channel": "luma"}))
    arcs = [{"radius_px": radius, "sign": sign} for radius in (8.0, 16.0, 32.0) for sign in SIGNS]
    yield Kind("curve", 360, _variants(drawings.curved, 360, *arcs), RICH)
    for name, draw in (("line-end", drawings.line_end), ("corner", drawings.corner)):
        yield Kind(name, 360, _variants(draw, 360, *({"sign": sign} for sign in SIGNS)), RICH)


def _textures() -> Iterator[Kind]:
    crossed = [{"wavelength_px": 7.0, "shift": shift} for shift in (0.0, 1.0)]
    yield Kind("hatch", 90, _variants(drawings.hatch, 90, *crossed), RICH)
    tilts = [{"tilt_deg": tilt} for tilt in (0.0, 90.0)]
    yield Kind("high-low", 360, _variants(drawings.high_low, 360, *tilts), RICH)
    sides = [{"warm": warm} for warm in (True, False)]
    yield Kind("grey-and-colour", 360, _variants(drawings.grey_and_colour, 360, *sides), RICH)
    for name, exponent in (("fine", 0.0), ("coarse", 1.5)):
        seeds = [{"exponent": exponent, "seed": seed} for seed in range(4)]
        yield Kind(f"noise-{name}", 0, _variants(drawings.noise, 0, *seeds), NOISY)


def _round() -> Iterator[Kind]:
    for name, sign in (("bright", 1.0), ("dark", -1.0)):
        radii = [{"radius_px": radius, "sign": sign} for radius in (4.0, 10.0)]
        yield Kind(f"spot-{name}", 0, _variants(drawings.spot, 0, *radii))
    for channel in ("red-green", "blue-yellow"):
        for colour, sign in zip(channel.split("-"), SIGNS, strict=True):
            words = {"radius_px": 9.0, "sign": sign, "channel": channel}
            yield Kind(f"spot-{colour}", 0, _variants(drawings.spot, 0, words))
            yield Kind(f"surround-{colour}", 0, _variants(drawings.surround, 0, words))
    for colour in FIELDS:
        yield Kind(f"field-{colour}", 0, _variants(drawings.field, 0, {"colour": colour}), PLAIN)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for make in (_gratings, _colours, _contours, _textures, _round)
    for kind in make()
}
DRAWINGS = tuple(
    dict.fromkeys(
        drawing for kind in KINDS.values() for variant in kind.variants for drawing in variant
    )
)
