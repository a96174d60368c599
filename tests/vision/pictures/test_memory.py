"""Memory that a picture takes: the table of formats holds, and the limit too."""

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from workbench.vision.pictures.formats import FORMATS, MEMORY_MOST

SIDES = (3000, 4000)
MEASURE = """\
import resource, sys
from workbench.hosts.crop import CROPS
from workbench.vision.pictures.decode import check, decode

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

decode(open(sys.argv[2], "rb").read())
before = peak()
content = open(sys.argv[1], "rb").read()
check(content)
pixels = decode(content)
for crop in CROPS.values():
    crop(pixels, 224)
print(len(content), pixels.shape[0] * pixels.shape[1], peak() - before)
"""


def measured(tmp_path, kind, image, **options):
    """Bytes of the file, pixels, and bytes of memory from reading the file to the crops."""
    small = io.BytesIO()
    Image.new("RGB", (9, 9)).save(small, kind)
    (tmp_path / "small").write_bytes(small.getvalue())
    image.save(tmp_path / "large", kind, **options)
    words = [sys.executable, "-c", MEASURE, str(tmp_path / "large"), str(tmp_path / "small")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return (int(number) for number in done.stdout.split())


@pytest.mark.full
@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "RGB", {}),
        ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
        ("JPEG", "CMYK", {"progressive": True}),
        ("PNG", "RGBA", {"compress_level": 1}),
        ("GIF", "P", {}),
        ("BMP", "RGB", {}),
        ("PPM", "RGB", {}),
        ("TIFF", "RGBA", {}),
        ("TIFF", "RGB", {"compression": "tiff_lzw", "tiffinfo": {274: 6, 278: SIDES[0]}}),
        ("WEBP", "RGBA", {"lossless": True, "quality": 0, "method": 0}),
        ("AVIF", "RGB", {"speed": 10}),
    ],
)
def test_decode_takes_the_memory_of_its_format(tmp_path, kind, mode, options):
    noise = np.random.default_rng(0).integers(0, 64, (*SIDES, 4), np.uint8)
    image = Image.fromarray(noise).convert("RGB").convert(mode)
    content, pixels, memory = measured(tmp_path, kind, image, **options)
    assert memory <= content + FORMATS[kind].bytes_a_pixel * pixels


@pytest.mark.full
def test_decode_of_the_largest_picture_takes_1_gib(tmp_path):
    side = int((0.98 * MEMORY_MOST / FORMATS["PNG"].bytes_a_pixel) ** 0.5)
    image = Image.new("RGBA", (side, side), (1, 2, 3, 4))
    _, pixels, memory = measured(tmp_path, "PNG", image, compress_level=1)
    assert pixels == side**2
    assert memory <= MEMORY_MOST
