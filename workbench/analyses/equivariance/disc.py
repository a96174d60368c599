"""Natural pictures turned about the middle of a site, seen through a disc."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.grid import middle_px
from workbench.hosts.host import Host, Site

TURNS_DEG = np.arange(0.0, 360.0, 15.0)
SOFT_PX = 6.0  # width of the edge of the disc


def disc_px(host: Host, site: Site) -> float:
    """Radius of the largest disc about the middle that lies within the picture."""
    return min(min(at, host.picture_input.size_px - 1 - at) for at in middle_px(site))


def through_disc(
    host: Host, site: Site, rgb: Float[Tensor, "1 3 h w"], side: float
) -> Float[Tensor, "turn 3 h w"]:
    """The picture turned by TURNS_DEG, clockwise as seen, within the disc.

    With side -1 it is the mirror image, up and down exchanged. Outside the disc is the colour of
    the host's padding.
    """
    size, middle = host.picture_input.size_px, torch.tensor(middle_px(site))
    line_px = torch.arange(size, dtype=torch.float32)
    x, y = line_px[None, :] - middle[0], line_px[:, None] - middle[1]
    turn = torch.deg2rad(torch.tensor(TURNS_DEG, dtype=torch.float32))[:, None, None]
    source = torch.stack(
        [
            x * torch.cos(turn) + y * torch.sin(turn),
            side * (y * torch.cos(turn) - x * torch.sin(turn)),
        ],
        -1,
    )
    grid = 2 * (source + middle) / (size - 1) - 1
    shown = F.grid_sample(
        rgb.expand(len(TURNS_DEG), -1, -1, -1),
        grid,
        mode="bicubic",
        padding_mode="border",
        align_corners=True,
    )
    inside = ((disc_px(host, site) - torch.hypot(x, y)) / SOFT_PX).clamp(0, 1)
    ground = torch.tensor(host.picture_input.mean_rgb)[:, None, None]
    return ground + inside * (shown.clamp(0, 255) - ground)


def about(site: Site, places: Float[Tensor, "place 2"]) -> Float[Tensor, "turn place 2"]:
    """Places, given in pixels from the middle, as they lie in the picture at each of TURNS_DEG."""
    turn = torch.deg2rad(torch.tensor(TURNS_DEG, dtype=torch.float32))[:, None]
    x, y = places[:, 0], places[:, 1]
    moved = torch.stack(
        [x * torch.cos(turn) - y * torch.sin(turn), x * torch.sin(turn) + y * torch.cos(turn)], -1
    )
    return torch.tensor(middle_px(site)) + moved
