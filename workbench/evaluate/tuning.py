"""Tuning: what trained and handwritten units say to an arc as it turns, at several radii, and as its polarity, fill and colour change.

The radial tuning curves of "Curve Detectors" (doi 10.23915/distill.00024.003).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices
from workbench.splice.scene import scene
from workbench.stimuli import arc, filled

STEP_DEG = 15
RADII_PX = (16.0, 24.0, 36.0, 54.0)
BATCH = 12

# how a stimulus may differ without being another curve: (drawing, foreground, background)
VARIANTS: Mapping[str, tuple[Callable, object, object]] = {
    "bright line": (arc, 255.0, 127.0),
    "dark line": (arc, 0.0, 127.0),
    "bright fill": (filled, 255.0, 127.0),
    "dark fill": (filled, 0.0, 127.0),
    "red on green": (filled, (200.0, 80.0, 90.0), (80.0, 150.0, 90.0)),
}


@dataclass(frozen=True)
class TuningCurves:
    """Responses to arcs: the highest within one cell of the apex.

    `trained` and `handwritten` are `radius pose unit`, averaged over bright and dark lines; `variants` gives, for each way to draw the arc,
    both at the radius that the trained units like best on average.
    """

    centre_deg: Float[np.ndarray, " pose"]
    radius_px: Float[np.ndarray, " radius"]
    trained: Float[np.ndarray, "radius pose unit"]
    handwritten: Float[np.ndarray, "radius pose unit"]
    variants: Mapping[str, tuple[Float[np.ndarray, "pose unit"], Float[np.ndarray, "pose unit"]]]


def tuning(host: Host, splices: Splices, progress: Callable[[int], None] | None = None, step_deg: int = STEP_DEG) -> TuningCurves:
    """Tuning curves of the trained and the handwritten units."""
    poses = np.arange(0, 360, step_deg, dtype=np.float64)
    lines = [[_responses(host, splices, name, radius, poses, progress) for name in ("bright line", "dark line")] for radius in RADII_PX]
    trained, handwritten = (np.stack([(bright[k] + dark[k]) / 2 for bright, dark in lines]) for k in (0, 1))
    best = int(trained.max(1).mean(1).argmax())
    variants = dict(zip(("bright line", "dark line"), lines[best], strict=True))
    for name in list(VARIANTS)[2:]:
        variants[name] = _responses(host, splices, name, RADII_PX[best], poses, progress)
    return TuningCurves(poses, np.array(RADII_PX), trained, handwritten, variants)


def stimuli_count(step_deg: int = STEP_DEG) -> int:
    """Pictures that `tuning` draws."""
    return (2 * len(RADII_PX) + len(VARIANTS) - 2) * len(range(0, 360, step_deg))


def _responses(
    host: Host, splices: Splices, variant: str, radius_px: float, poses: np.ndarray, progress: Callable[[int], None] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Trained and handwritten responses `pose unit`."""
    site = host.site(splices.site)
    row, column = site.height // 2, site.width // 2
    apex = tuple(float(site.offset_px + site.stride_px * cell) for cell in (column, row))
    draw, foreground, background = VARIANTS[variant]
    found: tuple[list, list] = ([], [])
    for start in range(0, len(poses), BATCH):
        some = poses[start : start + BATCH]
        drawn = [draw(host.input.size_px, apex, float(pose), radius_px, foreground=foreground, background=background) for pose in some]
        rgb = torch.from_numpy(np.stack(drawn)).permute(0, 3, 1, 2).float()
        with torch.inference_mode():
            here = scene(host, {"spliced": splices.circuits["spliced"]}, host.input.encode(rgb), torch.zeros(len(some), dtype=torch.long))
            for rows, values in zip(found, (here.trained, splices.conditions["spliced"](here)), strict=True):
                rows.append(values[:, :, row - 1 : row + 2, column - 1 : column + 2].amax((2, 3)).numpy())
        if progress:
            progress(len(some))
    return np.concatenate(found[0]), np.concatenate(found[1])
