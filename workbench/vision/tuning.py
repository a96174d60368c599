"""Tuning curves: responses of trained and handwritten units to a stimulus as it turns.

The stimulus is an arc of several radii, polarities, fills and colours. It is a straight bar for a
family to which both sides are alike, an edge between textures for one whose ideal stimulus is such
an edge, and an edge between colours for one that reads by colour. A round family looks the same
however it is turned: its stimulus is a spot whose hue goes round the circle of opponent colours.
The radial tuning curves of "Curve Detectors" (doi 10.23915/distill.00024.003).
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float

from workbench.arrays import to_numpy
from workbench.cache import Cache
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.engine import Engine, here
from workbench.hosts.host import Host, Site
from workbench.spec.language import INPUT, Term, TextureEdge, Theory
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Condition, natural, wanted_by
from workbench.splice.inputs import ALL_CIRCUITS, condition_inputs
from workbench.vision.geometry.gabor import OPPONENT
from workbench.vision.stimuli import (
    BLUE,
    YELLOW,
    Stroke,
    Textures,
    arc,
    filled,
    line,
    spot,
    texture_edge,
)
from workbench.vision.stimuli.canvas import RGB, Colour, Point

K = TypeVar("K", bound=Hashable)

STEP_DEG = 15
RADII_PX = (16.0, 24.0, 36.0, 54.0)
BATCH = 12


def curve(
    size_px: int,
    apex_px: Point,
    centre_deg: float,
    radius_px: float,
    foreground: Colour,
    background: Colour,
    width_px: float = Stroke.width_px,
) -> RGB:
    """An arc whose centre of curvature lies in a direction."""
    stroke = Stroke(width_px, foreground, background)
    return arc(size_px, apex_px, centre_deg, radius_px, stroke=stroke)


# variants of a stimulus that are the same curve: (drawing, foreground, background)
VARIANTS: Mapping[str, tuple[Callable, object, object]] = {
    "bright line": (curve, 255.0, 127.0),
    "dark line": (curve, 0.0, 127.0),
    "bright fill": (filled, 255.0, 127.0),
    "dark fill": (filled, 0.0, 127.0),
    "red on green": (filled, (200.0, 80.0, 90.0), (80.0, 150.0, 90.0)),
}


def bar(
    size_px: int,
    apex_px: Point,
    centre_deg: float,
    radius_px: float,
    foreground: Colour,
    background: Colour,
    width_px: float = Stroke.width_px,
) -> RGB:
    """A straight bar whose normal points in a direction; the radius is not used."""
    stroke = Stroke(width_px, foreground, background)
    return line(size_px, apex_px, centre_deg - 90, stroke=stroke)


def edge_of(
    texture: TextureEdge,
    tilt_deg: float,
    size_px: int,
    apex_px: Point,
    centre_deg: float,
    radius_px: float,
    foreground: Colour,
    background: Colour,
) -> RGB:
    """An edge between textures, the fine one towards a direction, with stripes at `tilt_deg`.

    The tilt is measured from that direction; the radius is not used.
    """
    textures = Textures(texture.fine_px, texture.coarse_px, tilt_deg)
    return texture_edge(
        size_px, apex_px, centre_deg, textures, foreground=foreground, background=background
    )


HUE_CONTRAST = 60.0  # how far the strongest of red, green and blue is off the grey


def hue_rgb(hue_deg: float) -> Float[np.ndarray, " 3"]:
    """The difference from grey in a hue: 0 is red, 90 blue, 180 green and 270 yellow.

    The opponent colours of Hurvich & Jameson 1957, doi 10.1037/h0041403; its strongest part is
    HUE_CONTRAST.
    """
    hue = np.radians(hue_deg)
    axes = [np.array(OPPONENT[name]) for name in ("red-green", "blue-yellow")]
    red_green, blue_yellow = (axis / np.abs(axis).max() for axis in axes)
    rgb = np.cos(hue) * red_green + np.sin(hue) * blue_yellow
    return HUE_CONTRAST * rgb / np.abs(rgb).max()


def hued_spot(
    size_px: int,
    apex_px: Point,
    hue_deg: float,
    radius_px: float,
    foreground: float,
    background: float,
    opposed: bool = False,
) -> RGB:
    """A disc of a hue about grey `foreground`, on grey; `opposed`, on the opposite hue."""
    rgb = hue_rgb(hue_deg)
    around = tuple(background - rgb) if opposed else background
    return spot(size_px, apex_px, radius_px, tuple(foreground + rgb), around)


@dataclass(frozen=True)
class Probe:
    """A stimulus that is turned.

    radii_px  a straight stimulus has one, STRAIGHT_PX
    turns     how often it looks the same in a full turn
    variants  how it is drawn; `over_variants` makes one curve of the first `measured` of them
    stroked   whether the first variant is a line, which takes a `width_px`
    turned    what the angle is: its direction, or its hue
    echo      what lies opposite to a unit's peak
    measured  how many of the variants are drawn at every radius
    preferred whether a unit's curve is that of the variant which drives its trained unit most, as
              units differ in the colour of their edge; otherwise it is the mean of the variants
    """

    name: str
    radii_px: tuple[float, ...]
    turns: int
    variants: Mapping[str, tuple[Callable, object, object]]
    stroked: bool = False
    turned: str = "direction"
    echo: str = "the opposite direction"
    measured: int = 2
    preferred: bool = False


SIDED = (
    "arc",
    "inside",
    "outside",
    "same",
    "opposite",
)  # places and matches that tell one side of a feature from the other
STRAIGHT_PX = 4000.0  # radius of a filled shape whose edge is straight in any picture
ARCS = Probe("arc", RADII_PX, 1, VARIANTS, stroked=True)
BARS = Probe(
    "bar",
    (STRAIGHT_PX,),
    2,
    {
        name: (bar if draw is curve else draw, front, back)
        for name, (draw, front, back) in VARIANTS.items()
    },
    stroked=True,
    echo="a bar at a right angle",
)


COLOUR_EDGES = Probe(
    "colour edge",
    (STRAIGHT_PX,),
    1,
    {
        "red on green": VARIANTS["red on green"],
        "blue on yellow": (filled, BLUE, YELLOW),
        "bright on dark": (filled, 187.0, 67.0),
    },
    measured=3,
    preferred=True,
)


HUED_SPOTS = Probe(
    "colour spot",
    (4.0, 8.0, 16.0, 40.0),
    1,
    {
        "bright spot": (hued_spot, 157.0, 127.0),
        "dark spot": (hued_spot, 97.0, 127.0),
        "spot on its opposite colour": (partial(hued_spot, opposed=True), 127.0, 127.0),
    },
    turned="hue",
    echo="the opposite colour",
)


def texture_edges(texture: TextureEdge) -> Probe:
    """Edges between these textures.

    Their stripes run into the edge, bright or dark at the apex, along it, or slanted.
    """
    across, along, slanted = (partial(edge_of, texture, tilt_deg) for tilt_deg in (90.0, 0.0, 45.0))
    variants = {
        "bright stripes": (across, 227.0, 27.0),
        "dark stripes": (across, 27.0, 227.0),
        "stripes along": (along, 227.0, 27.0),
        "slanted stripes": (slanted, 227.0, 27.0),
        "red on green": (across, *VARIANTS["red on green"][1:]),
    }
    return Probe("texture edge", (STRAIGHT_PX,), 1, variants)


def probe_of(theory: Theory) -> Probe:
    """The stimulus to turn for a theory's last family.

    It is the family's ideal stimulus where that is an edge between textures; for a family that
    reads by colour or reads the picture, spots of all hues if nothing that it reads turns with it;
    an edge between colours where it reads by colour; bars, if everything that it reads lies alike
    on both sides; arcs otherwise.
    """
    family = list(theory.families.values())[-1]
    if family.ideal:
        return texture_edges(family.ideal)
    terms = [term for terms in family.reads.values() for term in terms]
    by_colour = any(isinstance(term, Term) and term.colour for term in terms)
    if (by_colour or INPUT in family.reads) and not any(term.turns for term in terms):
        return HUED_SPOTS
    if by_colour:
        return COLOUR_EDGES
    sided = any(
        isinstance(term, Term) and (term.along in SIDED or term.match in SIDED) for term in terms
    )
    return ARCS if sided or INPUT in family.reads else BARS


@dataclass(frozen=True)
class TuningCurves:
    """Responses to the stimuli of `probe`: the highest within one cell of the apex.

    `trained` and `handwritten` are of the probe's first two variants, bright and dark, or of more
    (`over_variants`); `variants` has, for each variant, both at the radius that the trained units
    prefer on average.
    """

    centre_deg: Float[np.ndarray, " pose"]
    radius_px: Float[np.ndarray, " radius"]
    trained: Float[np.ndarray, "radius pose unit"]
    handwritten: Float[np.ndarray, "radius pose unit"]
    variants: Mapping[str, tuple[Float[np.ndarray, "pose unit"], Float[np.ndarray, "pose unit"]]]
    probe: Probe = ARCS

    @property
    def preferred(self) -> int:
        """The index of the radius that the trained units prefer on average."""
        return preferred_radius(self.trained)


def over_variants(
    probe: Probe,
    trained: Sequence[Float[np.ndarray, "pose unit"]],
    curves: Sequence[Float[np.ndarray, "pose unit"]],
) -> Float[np.ndarray, "pose unit"]:
    """One curve for each unit from those of several variants, at one radius.

    It is their mean, or for a probe with `preferred` that of the variant which drives the trained
    unit most.
    """
    of_variants = np.stack(curves)
    if not probe.preferred:
        return of_variants.mean(0)
    best = np.stack(trained).max(1).argmax(0)
    return of_variants[best, :, np.arange(len(best))].T


def preferred_radius(trained: Float[np.ndarray, "radius pose unit"]) -> int:
    """The index of the radius at which the units' highest responses are highest on average."""
    return int(trained.max(1).mean(1).argmax())


def tuning(
    host: Host,
    splices: Splices,
    progress: Callable[[int], None] | None = None,
    step_deg: int = STEP_DEG,
    probe: Probe = ARCS,
    cache: Cache | None = None,
    engine: Engine = here,
) -> TuningCurves:
    """Tuning curves of the trained and the handwritten units.

    With a cache, the trained units run once for all specs.
    """
    poses = np.arange(0, 360, step_deg, dtype=np.float64)
    names, radii = list(probe.variants), probe.radii_px

    conditions = {"trained": natural, "handwritten": splices.conditions["spliced"]}
    spliced = {"spliced": splices.circuits["spliced"]}

    def responses(turned: tuple[str, float]) -> tuple[np.ndarray, np.ndarray]:
        name, radius_px = turned
        peaks = answers(
            host, spliced, conditions, probe.variants[name], radius_px, poses, cache=cache
        )
        return peaks["trained"], peaks["handwritten"]

    def both_of(turned: Sequence[tuple[str, float]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for pair in engine(responses, turned):
            if progress:
                progress(len(poses))
            yield pair

    measured = names[: probe.measured]
    both = list(both_of([(name, radius) for radius in radii for name in measured]))
    lines = [both[i : i + len(measured)] for i in range(0, len(both), len(measured))]
    trained, handwritten = (
        np.stack(
            [
                over_variants(probe, *([pair[side] for pair in line] for side in (0, k)))
                for line in lines
            ]
        )
        for k in (0, 1)
    )
    best = preferred_radius(trained)
    more = both_of([(name, radii[best]) for name in names[probe.measured :]])
    variants = dict(zip(names, [*lines[best], *more], strict=True))
    return TuningCurves(poses, np.array(radii), trained, handwritten, variants, probe)


def stimuli_count(step_deg: int = STEP_DEG, probe: Probe = ARCS) -> int:
    """How many pictures `tuning` draws."""
    drawn = probe.measured * len(probe.radii_px) + len(probe.variants) - probe.measured
    return drawn * len(range(0, 360, step_deg))


def apex_of(site: Site) -> Point:
    """The point of the picture that a stimulus goes through: the centre of the site's middle."""
    row, column = site.height // 2, site.width // 2
    x_px, y_px = (float(site.offset_px + site.stride_px * cell) for cell in (column, row))
    return x_px, y_px


def about_apex(site: Site) -> tuple[slice, slice]:
    """The rows and columns of the site within one cell of the apex."""
    row, column = site.height // 2, site.width // 2
    return slice(row - 1, row + 2), slice(column - 1, column + 2)


def answers(
    host: Host,
    circuits: Mapping[str, HandwrittenCircuit],
    conditions: Mapping[K, Condition],
    variant: tuple[Callable, object, object],
    radius_px: float,
    poses: Float[np.ndarray, " pose"],
    progress: Callable[[int], None] | None = None,
    cache: Cache | None = None,
) -> dict[K, Float[np.ndarray, "pose unit"]]:
    """Responses under each condition as one stimulus turns, its apex at the middle of the site.

    A response is the highest activation within one cell of the apex.
    """
    site = host.site(next(iter(circuits.values())).site)
    about, apex = about_apex(site), apex_of(site)
    draw, foreground, background = variant
    peaks: dict[K, list] = {name: [] for name in conditions}
    for start in range(0, len(poses), BATCH):
        batch = poses[start : start + BATCH]
        drawn = [
            draw(
                host.picture_input.size_px,
                apex,
                float(pose),
                radius_px,
                foreground=foreground,
                background=background,
            )
            for pose in batch
        ]
        rgb = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float().to(host.device)
        with torch.inference_mode():
            donor = torch.zeros(len(batch), dtype=torch.long)
            wanted = replace(wanted_by(list(conditions.values())), circuits=ALL_CIRCUITS)
            here = condition_inputs(host, circuits, host.input.encode(rgb), donor, wanted, cache)
            for name, condition in conditions.items():
                peak = condition(here)[..., *about].amax((2, 3))
                peaks[name].append(to_numpy(peak))
        if progress:
            progress(len(batch))
    return {name: np.concatenate(rows) for name, rows in peaks.items()}
