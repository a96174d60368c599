"""The place of a site's cells in the picture is measured rightly, or refused with its reason."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from workbench.hosts.grid import Spacing, UnmeasurableError, measure_grid, receptive_field_px

SIZE_PX = 64


def conv(kernel, stride=1, padding=0, **more) -> nn.Conv2d:
    return nn.Conv2d(3, 3, kernel, stride, padding, **more)


def stages(*layers) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(*layers)


class Does(nn.Module):
    """A stage that is a function."""

    def __init__(self, function):
        super().__init__()
        self.forward = function


def refuses_nan(x):
    assert torch.isfinite(x).all(), "input has nan"
    return x


def gated(x):
    return x * x.mean((2, 3), keepdim=True).sigmoid()


def attention(x):
    tokens = x.flatten(2).transpose(1, 2)
    return F.scaled_dot_product_attention(tokens, tokens, tokens).transpose(1, 2).view_as(x)


def fixed(x):
    """A stage that only takes pictures of the host's size."""
    return x + torch.zeros(3, SIZE_PX, SIZE_PX)


DEEP = [conv(3, 4, 1), *(conv(9, padding=4) for _ in range(5))]
RIGHT = {
    "stride 2": ([conv(3, stride=2, padding=1)], 2, 0),
    "two strides and a pool": ([conv(7, 2), nn.ReLU(), nn.MaxPool2d(3, 2)], 4, 5),
    "even kernel": ([conv(2, 2)], 2, 0),
    "even kernel with padding": ([conv(4, 2, 1)], 2, 0),
    "dilated": ([conv(3, dilation=3, padding=3)], 1, 0),
    "dilated, with a stride": ([conv(3, 3, dilation=2)], 3, 2),
    "taps with gaps": ([conv(1, 4), conv(3)], 4, 4),
    "ceil_mode": ([conv(3, 2), nn.MaxPool2d(3, 2, ceil_mode=True)], 4, 3),
    "reflected borders": ([conv(5, 2, 2, padding_mode="reflect")], 2, 0),
    "replicated borders": ([conv(5, 2, 2, padding_mode="replicate")], 2, 0),
    "cropped": ([Does(lambda x: x[:, :, 4:-4, 4:-4]), conv(3, 2)], 2, 5),
    "field wider than high": ([conv((1, 7), padding=(0, 3)), conv(3, 2)], 2, 1),
    "crossed fields": ([Does(lambda x: F.avg_pool2d(x, (1, 5), 1, (0, 2)) + F.avg_pool2d(x, (5, 1), 1, (2, 0)))], 1, 0),  # noqa: E501
    "squared": ([Does(torch.square), conv(3)], 1, 1),
    "field wider than the picture": (DEEP, 4, 0),
    "two taps far apart": ([conv(2, dilation=20)], 1, 10),
    "adaptive pool with whole strides": ([conv(3, padding=1), nn.AdaptiveAvgPool2d(16)], 4, 1),
    "resized by a whole step": ([nn.Upsample(size=(32, 32)), conv(3, padding=1)], 2, 0),
    "shuffled into channels": ([nn.PixelUnshuffle(4)], 4, 1),
    "two cells": ([conv(5, 5, 2), conv(3, 5, 1)], 25, 0),
    "one cell": ([conv(3, 2, 1) for _ in range(6)], 64, 0),
    "fixed picture": ([Does(fixed), conv(3, 2, 1)], 2, 0),
}  # fmt: skip
UNEVEN = "not evenly spaced by whole pixels"
WHOLE = "each cell sees the whole picture"
REFUSED = {
    "transposed convolution": (
        [conv(3, 2, 1), conv(3, 2, 1), nn.ConvTranspose2d(3, 3, 4, 2, 1)],
        UNEVEN,
    ),
    "nearest upsampling": ([conv(3, 4), nn.Upsample(scale_factor=2)], UNEVEN),
    "upsampling beyond pixels": ([nn.Upsample(scale_factor=2), conv(3)], UNEVEN),
    "bilinear": ([conv(3, 4), nn.Upsample(scale_factor=2, mode="bilinear")], UNEVEN),
    "adaptive pool": ([conv(3, padding=1), nn.AdaptiveAvgPool2d(24)], UNEVEN),
    "resized": ([nn.Upsample(size=(96, 96), mode="bilinear"), conv(3, 2, 1)], UNEVEN),
    "resized down": ([nn.Upsample(size=(48, 48)), conv(3, 2, 1)], UNEVEN),
    "shuffled out of channels": ([nn.Conv2d(3, 12, 3, 4), nn.PixelShuffle(2)], UNEVEN),
    "uneven inside": ([Does(lambda x: torch.cat([x[:, :, :32], x[:, :, 31:63]], 2))], UNEVEN),
    "whole pool": ([nn.AdaptiveAvgPool2d(1)], "1 x 1 cells on a picture of any size"),
    "adaptive behind a wide field": (
        [*DEEP, nn.AdaptiveAvgPool2d(8)],
        "8 x 8 cells on a picture of any size",
    ),
    "deep and of fixed size": ([Does(fixed), *DEEP], r"border cells see the whole picture.*does not go through"),  # noqa: E501
    "circular": ([conv(3, 1, 1, padding_mode="circular")], "rolled or wrapped"),
    "rolled": ([Does(lambda x: x.roll(1, 3))], "rolled or wrapped"),
    "rolled by ten": ([conv(3, padding=1), Does(lambda x: x.roll(10, 2))], UNEVEN),
    "rolled by half": ([conv(3, padding=1), Does(lambda x: x.roll((32, 32), (2, 3)))], UNEVEN),
    "mirrored": ([conv(3, 2), Does(lambda x: x.flip(3))], "the picture is flipped"),
    "upside down": ([conv(3, 2), Does(lambda x: x.flip(2))], "the picture is flipped"),
    "transposed": ([conv(3, 2), Does(lambda x: x.transpose(2, 3))], "the picture is turned"),
    "turned": ([conv(3, 2), Does(lambda x: torch.rot90(x, 1, (2, 3)))], "the picture is turned"),
    "other stride along rows": ([conv(3, (2, 4))], "there are 31 rows and 16 columns"),
    "other padding along rows": ([conv(3, 2, (1, 0))], "there are 32 rows and 31 columns"),
    "shifted along rows": ([Does(lambda x: x[:, :, 2:]), conv((3, 5))], "rows begin at pixel 3, columns at pixel 2"),  # noqa: E501
    "squeeze and excitation": ([conv(3, 2, 1), Does(gated)], WHOLE),
    "attention": ([conv(8, 8), Does(attention)], WHOLE),
    "only padding": ([conv(1, padding=1)], "see only padding"),
    "nan_to_num": ([Does(torch.nan_to_num), conv(3)], "turns NaN into numbers"),
    "where": ([conv(3), Does(lambda x: torch.where(x > 0, x, 0.0))], "turns NaN into numbers"),
    "one branch of two": (
        [Does(lambda x: torch.cat([x, torch.nan_to_num(x)], 1))],
        "turns NaN into numbers",
    ),
    "asserts": ([Does(refuses_nan)], r"with NaN does not go through .*input has nan"),
    "gives NaN": ([Does(lambda x: (x - 1e9).sqrt())], "NaN on a picture without NaN"),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "stride_px", "offset_px"), RIGHT.values(), ids=RIGHT.keys())
def test_measure_grid_even_cells_are_placed(layers, stride_px, offset_px):
    assert measure_grid(stages(*layers), SIZE_PX) == Spacing(stride_px, offset_px)


@pytest.mark.parametrize(("layers", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_measure_grid_other_cells_are_refused(layers, reason):
    with pytest.raises(UnmeasurableError, match=reason):
        measure_grid(stages(*layers), SIZE_PX)


def test_receptive_field_px_of_unequal_sides_is_the_longer():
    assert receptive_field_px(stages(conv((1, 7), padding=(0, 3)), conv(3, 2)), SIZE_PX) == 9
