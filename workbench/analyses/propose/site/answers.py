"""Answers of a site's units, and of those below it, to the drawn stimuli."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from workbench.analyses.propose.site.kinds import DRAWINGS, KINDS, Drawing, Kind, directions
from workbench.cache import Arrays, content_of
from workbench.hosts.host import Host, Site
from workbench.splice.natural import Part, PartKind, natural_parts
from workbench.vision.survey.responses import apex_of, centre_cell, steps_of
from workbench.work import Work

BATCH = 32
HALVED_PX = 192  # a picture of this side or more is halved where all strides allow it
STRIDES_PX = 16  # a half that these divide keeps its cells where they are

ACTIVATION = "activation"  # the array of a kept step

Answers = Mapping[str, Float[np.ndarray, "direction unit"]]


def answers(host: Host, site: Site, part: PartKind, work: Work) -> Answers:
    """Show every drawing in every direction; the same for the same host.

    The answers to every kind of stimulus at the middle cell, by kind: of the units of the "site",
    or of what is "entering" its stage.
    """
    side_px = _side(host.picture_input.size_px)
    shown = list(_shown())
    keep = steps_of(host, f"propose {site.name}", work.counter, work.cache)
    compute = partial(_batch, host, site, side_px, shown, Part(part, site.name))
    content = content_of(np.array([[at for _, at in shown]])), repr(DRAWINGS), side_px, part
    steps = keep("drawn stimuli", len(shown), compute, *content, size=BATCH)
    by_drawing = _by_drawing(np.concatenate([step[ACTIVATION] for step in steps]))
    return {kind.name: answer(kind, by_drawing) for kind in KINDS.values()}


def answer(
    kind: Kind, values: Mapping[Drawing, Float[np.ndarray, "direction unit"]]
) -> Float[np.ndarray, "direction unit"]:
    """Answers to a kind by direction, from those to its drawings."""
    count = len(directions(kind.period_deg))
    variants = []
    for variant in kind.variants:
        turns = (values[drawing] for drawing in variant)
        folded = [curve.reshape(-1, count, curve.shape[1]) for curve in turns]
        variants.append(np.concatenate(folded).min(0))
    return np.max(variants, 0)


def _shown() -> Iterator[tuple[Drawing, float]]:
    for drawing in DRAWINGS:
        for turned_deg in drawing.turned_deg:
            yield drawing, turned_deg


def _by_drawing(
    values: Float[np.ndarray, "picture unit"],
) -> dict[Drawing, Float[np.ndarray, "direction unit"]]:
    ends = np.cumsum([len(drawing.turned_deg) for drawing in DRAWINGS])
    return dict(zip(DRAWINGS, np.split(values, ends[:-1]), strict=True))


def _side(size_px: int) -> int:
    """A smaller picture shows the same at its middle, and runs faster."""
    half = size_px // 2
    return half if size_px >= HALVED_PX and half % STRIDES_PX == 0 else size_px


def _batch(
    host: Host,
    site: Site,
    side_px: int,
    shown: Sequence[tuple[Drawing, float]],
    part: Part,
    start: int,
) -> Arrays:
    """The activations at the middle cell, for BATCH of the pictures."""
    row, column = (index * side_px // host.picture_input.size_px for index in centre_cell(site))
    at = apex_of(site, (row, column))
    pictures: list[Tensor] = []
    for drawing, turned_deg in shown[start : start + BATCH]:
        rgb = drawing.draw(side_px, at, np.array([turned_deg]), **dict(drawing.words))
        pictures.append(torch.from_numpy(np.asarray(rgb)).permute(0, 3, 1, 2).float())
    with torch.no_grad():
        x = host.input.encode(torch.cat(pictures).to(host.device))
        value = natural_parts(host, x, [part])[part]
    return {ACTIVATION: value[:, :, row, column].cpu().numpy()}
