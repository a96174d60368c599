"""A picture and activations laid over it in grey, as in the report's patches, as SVG."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, UInt8
from markupsafe import escape

from workbench.hosts.host import Site
from workbench.report.patches import highest_of, in_grey, laid_over
from workbench.studio.panels import image

SIDE, GAP, TITLE = 227, 12, 16  # pixels of the page: a picture, between two, and the line above
Box = tuple[float, float, float, float]  # x, y, width and height in pixels of the picture


def box_of(site: Site) -> Box:
    """The part of the picture that a site's cells stand on, each a square of the site's stride."""
    first, step = site.offset_px - site.stride_px / 2, site.stride_px
    return first, first, step * site.width, step * site.height


def overlay_svg(
    rgb: UInt8[np.ndarray, "h w 3"],
    activations: Mapping[str, Float[np.ndarray, "rows columns"]],
    box: Box | None = None,
    ring_px: tuple[float, float] | None = None,
    plain: bool = True,
) -> str:
    """The picture in grey below each activation, all with one scale of colours.

    `box` is where the cells stand, by default the whole picture; a ring marks a point (x, y). With
    `plain` the picture itself comes first.
    """
    height, width, _ = rgb.shape
    x, y, wide, high = box or (0, 0, width, height)
    place = f'x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}"'
    whole, highest = f'width="{width}" height="{height}"', highest_of(*activations.values())
    grey = image(whole, in_grey(rgb))
    tiles = ({"the picture": image(whole, rgb)} if plain else {}) | {
        f"{name}, peak {float(values.max()):.3g}": grey
        + image(place, laid_over(values, highest) * 255)
        for name, values in activations.items()
    }
    ring = ""
    if ring_px:
        cx, cy = ring_px
        ring = f'<circle cx="{cx:g}" cy="{cy:g}" r="{width / 24:g}" fill="none" stroke="#0a8a3a"/>'
    parts = (
        f'<text x="{i * (SIDE + GAP)}" y="{TITLE - 4}">{escape(title)}</text>'
        f'<svg x="{i * (SIDE + GAP)}" y="{TITLE}" width="{SIDE}" height="{SIDE}" '
        f'viewBox="0 0 {width} {height}">{tile}{ring}</svg>'
        for i, (title, tile) in enumerate(tiles.items())
    )
    across = len(tiles) * (SIDE + GAP)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{across}" height="{SIDE + TITLE}" '
        f'viewBox="0 0 {across} {SIDE + TITLE}" font-family="system-ui, sans-serif" '
        f'font-size="11">{"".join(parts)}</svg>'
    )
