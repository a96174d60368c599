"""Kernels as pictures for a page: the report's panels, colours and glyphs, drawn within some ms.

matplotlib takes seconds for the same panels.
"""

import io
from functools import lru_cache

import numpy as np
from markupsafe import escape
from PIL import Image

from workbench.report.glyphs import SIDE, outline
from workbench.report.kernels import SHADES, Panel, colours, mosaic
from workbench.studio.address import data_uri
from workbench.studio.answers import KernelPicture

CELL, LARGEST = 9, 56  # pixels of the page: of a weight, and of a kernel's side at the most
LEFT, BELOW = 74, 34  # room for labels and glyphs


def kernel_picture(family: str, panel: Panel) -> KernelPicture:
    """The picture of a panel: the mosaic of its kernels, with poses at the left and below."""
    grid = mosaic(panel.kernels)
    kh, kw = panel.kernels.shape[2:]
    cell = min(CELL, LARGEST / max(kh, kw))
    height, width = (side * cell for side in grid.shape)
    place = f'x="{LEFT}" y="0" width="{width:.1f}" height="{height:.1f}"'
    parts = [image(place, _pixels(grid, panel.scale))]
    for i, (label, pose) in enumerate(zip(panel.rows, panel.row_poses, strict=True)):
        y = ((kh + 1) * i + kh / 2 + 1) * cell
        parts.append(
            f'<text x="{LEFT - 18}" y="{y + 3:.1f}" text-anchor="end">{escape(label)}</text>'
        )
        parts.append(_glyph(pose, LEFT - 14, y - SIDE / 2))
    for i, (label, pose) in enumerate(zip(panel.columns, panel.column_poses, strict=True)):
        x = LEFT + ((kw + 1) * i + kw / 2 + 1) * cell
        parts.append(_glyph(pose, x - SIDE / 2, height + 3))
        parts.append(
            f'<text x="{x:.1f}" y="{height + 24:.1f}" text-anchor="middle">{escape(label)}</text>'
        )
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + width + 20:.0f}" '
        f'height="{height + BELOW:.0f}" font-family="system-ui, sans-serif" font-size="8">'
        f"{''.join(parts)}</svg>"
    )
    legend = f"red excites, to +{panel.scale:.2g}; blue inhibits, to −{panel.scale:.2g}"
    return KernelPicture(family, f"{panel.title}; {legend}", text)


def _pixels(grid: np.ndarray, scale: float) -> np.ndarray:
    """The mosaic `h w` as RGB `h w 3` from 0 to 255, one pixel a weight; nan is grey."""
    shades, ground = _palette()
    known = np.isfinite(grid)
    index = np.rint((np.where(known, grid, 0) / scale + 1) / 2 * (SHADES - 1)).astype(int)
    return np.where(known[..., None], shades[index.clip(0, SHADES - 1)], ground)


def image(place: str, pixels: np.ndarray) -> str:
    """Pixels `h w c` from 0 to 255 as an element of SVG, stretched to its place without blur."""
    source = data_uri("image/png", png(pixels))
    return (
        f'<image {place} preserveAspectRatio="none" style="image-rendering: pixelated" '
        f'href="{source}"/>'
    )


def png(pixels: np.ndarray) -> bytes:
    """RGB or RGBA `h w c` from 0 to 255 as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8)).save(buffer, format="png")
    return buffer.getvalue()


@lru_cache(maxsize=1)
def _palette() -> tuple[np.ndarray, np.ndarray]:
    """The report's colours `shade rgb` from 0 to 255, and the grey between kernels."""
    colour = colours()
    shades = np.array([colour(i)[:3] for i in range(SHADES)]) * 255
    return shades.round(), (np.array(colour(np.nan)[:3]) * 255).round()


def _glyph(pose: tuple[str, float] | None, x: float, y: float) -> str:
    """A pose as a small line, its upper left corner at a point of the page."""
    if pose is None:
        return ""
    points = " ".join(f"{x + px:.1f},{y + SIDE - py:.1f}" for px, py in outline(*pose))
    return f'<polyline points="{points}" fill="none" stroke="#222" stroke-linecap="round"/>'
