"""Stimuli of the studio: one that is drawn, or a picture that was given, and the units' answer."""

import hashlib
from io import BytesIO
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.hosts import Host
from workbench.hosts.host import Site
from workbench.report.kernels import frame_axis
from workbench.splice.calibrate import Splices
from workbench.studio.answers import GivenPicture, Response, Stimulus, StimulusAnswer
from workbench.studio.overlay import box_of, overlay_svg
from workbench.studio.panels import png
from workbench.vision.activations import activations
from workbench.vision.pictures import Picture, decode
from workbench.vision.pictures.patch import pixels
from workbench.vision.tuning import Probe, about_apex, apex_of

EVERYWHERE = slice(None), slice(None)  # rows and columns of a site


def given_picture(name: str, content: bytes, host: Host) -> GivenPicture:
    """The square of a picture file that the host is given.

    Raises WorkbenchError for a file that is no sound picture, or one that is too large
    (`workbench.vision.pictures.decode`).
    """
    try:
        decoded = decode(content)
    except WorkbenchError as error:
        raise WorkbenchError(name, error.problem, error.expected, error.remedy) from error
    picture = Picture(name, hashlib.sha256(content).hexdigest(), None, lambda: decoded)
    return GivenPicture(name, png(pixels(host.input.decode(host.input.batch([picture]))[0])))


def answer_to(
    stimulus: Stimulus | GivenPicture, unit: str, host: Host, splices: Splices, probe: Probe
) -> StimulusAnswer:
    """The highest activation of each unit, and both activations of one unit over the stimulus.

    It is the highest within one cell of a drawn stimulus's apex, or on a whole picture that was
    given. An empty or unknown `unit` is the trained unit that responds most.
    """
    circuit, site = splices.circuits["spliced"], host.site(splices.site)
    rgb, cells, apex_px = _shown(stimulus, host.picture_input.size_px, site, probe)
    x = host.input.encode(torch.from_numpy(rgb).permute(2, 0, 1)[None].float()).to(host.device)
    trained, handwritten = (both[0] for both in activations(host, splices, x))
    peaks = [values[:, *cells].max((1, 2)) for values in (trained, handwritten)]
    units = circuit.layers[-1].units
    index = units.names.index(unit) if unit in units.names else int(peaks[0].argmax())
    rows = zip(units.names, units.column(frame_axis(units)), *peaks, strict=True)
    shown = {"trained": trained[index], "handwritten": handwritten[index]}
    return StimulusAnswer(
        stimulus=stimulus,
        png=png(rgb),
        size_px=len(rgb),
        apex_px=apex_px,
        responses=tuple(
            sorted(
                (Response(name, *map(float, figures)) for name, *figures in rows),
                key=lambda response: response.direction_deg,
            )
        ),
        unit=units.names[index],
        units=units.names,
        svg=overlay_svg(
            rgb.clip(0, 255).astype(np.uint8),
            shown,
            box_of(site),
            plain=not stimulus.drawn,  # the page shows it, to be dragged
        ),
    )


class _Shown(NamedTuple):
    """A stimulus on a host.

    rgb      the picture, from 0 to 255
    cells    rows and columns of the site: a unit's response is its highest activation in them
    apex_px  the point that a drawn stimulus goes through, x and y
    """

    rgb: Float[np.ndarray, "h w 3"]
    cells: tuple[slice, slice]
    apex_px: tuple[float, float] | None


def _shown(stimulus: Stimulus | GivenPicture, size_px: int, site: Site, probe: Probe) -> _Shown:
    """A given picture, or a stimulus as the first variant of the tuning curves draws it."""
    if isinstance(stimulus, GivenPicture):
        rgb = np.asarray(Image.open(BytesIO(stimulus.png)), dtype=np.float32)
        return _Shown(rgb, EVERYWHERE, None)
    draw, front, back = next(iter(probe.variants.values()))
    pose, apex_px = (stimulus.centre_deg, stimulus.radius_px), apex_of(site)
    width = {"width_px": stimulus.width_px} if probe.stroked else {}
    rgb = draw(size_px, apex_px, *pose, foreground=front, background=back, **width)
    return _Shown(rgb, about_apex(site), apex_px)
