"""Photographs as a host's input, prepared with Pillow alone, and the accuracy on them."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from workbench.hosts import Host


def photograph(host: Host, picture: Path | Image.Image) -> Tensor:
    """A picture as the host's input, `1 3 size_px size_px`."""
    image = (picture if isinstance(picture, Image.Image) else Image.open(picture)).convert("RGB")
    size = host.input.size_px
    if host.input.crop == "squash":
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    else:
        scale = size * 8 / 7 / min(image.size)
        image = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR
        )
        left, top = (image.width - size) // 2, (image.height - size) // 2
        image = image.crop((left, top, left + size, top + size))
    rgb = torch.from_numpy(np.asarray(image, dtype=np.float32).copy()).permute(2, 0, 1)[None]
    return host.input.encode(rgb)


def accuracy(
    host: Host, pictures: list[Path], reverse_channels: bool = False
) -> tuple[float, float]:
    """Top-1 and top-5 over photographs named by their WordNet id.

    `reverse_channels` feeds them in the wrong order.
    """
    assert host.classes is not None
    first = fifth = 0
    for start in range(0, len(pictures), 20):
        batch = pictures[start : start + 20]
        x = torch.cat([photograph(host, path) for path in batch])
        with torch.no_grad():
            best = host.network(x.flip(1) if reverse_channels else x).topk(5).indices.tolist()
        for path, indices in zip(batch, best, strict=True):
            answers = [host.classes[i] for i in indices]
            first += answers[0] == path.name.split("_")[0]
            fifth += path.name.split("_")[0] in answers
    return first / len(pictures), fifth / len(pictures)
