"""Crops: ordinary pictures are scaled whole, as libraries do, and long ones take no more memory."""

import resource

import numpy as np
import pytest
from PIL import Image

from workbench.hosts import crop

NOISE = np.random.default_rng(0)
SHAPES = [(375, 500), (500, 333), (256, 400), (300, 224), (224, 224), (1000, 40), (30, 900), (3, 2)]
SIZES = (224, 227, 32)
ROUNDING = 2  # of 255: Pillow takes a box in float32, and rounds after each of two directions
MEMORY_MOST = 100_000  # kB; scaled whole, 8,000 x 2 takes 1 GB


def noise(height, width):
    return NOISE.integers(0, 256, (height, width, 3), np.uint8)


def scaled_whole(pixels, size_px):
    """The usual crop, with Pillow alone."""
    image = Image.fromarray(pixels)
    scale = size_px * 8 / 7 / min(image.size)
    sides = [max(size_px, round(side * scale)) for side in image.size]
    left, top = ((side - size_px) // 2 for side in sides)
    box = (left, top, left + size_px, top + size_px)
    return np.asarray(image.resize(sides, Image.Resampling.BILINEAR).crop(box))


@pytest.mark.parametrize("size_px", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_centre_of_an_ordinary_picture_is_that_of_the_whole_to_the_bit(shape, size_px):
    pixels = noise(*shape)
    np.testing.assert_array_equal(crop.centre(pixels, size_px), scaled_whole(pixels, size_px))


@pytest.mark.parametrize("size_px", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_centre_of_a_picture_that_is_cropped_first_differs_by_rounding(shape, size_px, monkeypatch):
    monkeypatch.setattr(crop, "SCALED_MOST_PX", 0)
    pixels = noise(*shape)
    result = crop.centre(pixels, size_px).astype(int)
    assert np.abs(result - scaled_whole(pixels, size_px)).max() <= ROUNDING


@pytest.mark.parametrize("shape", [(3000, 2), (500, 333)])
def test_squash_of_a_picture_of_many_rows_differs_by_rounding(shape, monkeypatch):
    pixels = noise(*shape)
    whole = crop.squash(pixels, 64).astype(int)
    monkeypatch.setattr(crop, "SCALED_MOST_PX", 0)
    assert np.abs(whole - crop.squash(pixels, 64)).max() <= ROUNDING


@pytest.mark.parametrize("name", sorted(crop.CROPS))
@pytest.mark.parametrize("shape", [(2, 8000), (8000, 2), (2_000_000, 1)], ids=str)
def test_a_long_picture_takes_little_memory(name, shape):
    pixels = np.full((*shape, 3), 7, np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = crop.CROPS[name](pixels, 224)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_MOST
    np.testing.assert_array_equal(result, np.full((224, 224, 3), 7))
