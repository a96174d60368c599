"""Decoding: the formats of the table and no other, right pixels or a refusal, one kind of error."""

import importlib
import io
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.fuzz.pictures import SIGNATURE, damaged, encoded, whole
from workbench.errors import WorkbenchError
from workbench.vision.pictures import decode, formats
from workbench.vision.pictures.decode import check
from workbench.vision.pictures.files import FILE_MOST
from workbench.vision.pictures.formats import FORMATS, NoPictureError

PAGE = Path(__file__).parents[3] / "docs" / "pictures.md"
MODULE = importlib.import_module("workbench.vision.pictures.decode")  # the package's is a function
GREY = np.arange(0, 240, 10, dtype=np.uint8).reshape(4, 6)
AS_RGB = np.repeat(GREY[..., None], 3, -1)
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
OTHER_FORMATS = (
    "EPS",
    "PDF",
    "TGA",
    "ICO",
    "ICNS",
    "PCX",
    "SGI",
    "DDS",
    "SPIDER",
    "JPEG2000",
)
MANY = pytest.param(3000, marks=pytest.mark.full)  # of the campaign of damaged files
WHITE, GREY_OF_170 = (255, 255, 255), (170, 170, 170)


def tiff(values, bits, photometric=1, more=()):
    """A greyscale TIFF of one row, with any number of bits a value."""
    digits = "".join(f"{value:0{bits}b}" for value in values)
    row = int(digits, 2).to_bytes(len(digits) // 8)
    if bits == 16:
        row = np.array(values, "<u2").tobytes()
    sizes = {256: len(values), 257: 1, 258: bits, 259: 1, 262: photometric}
    sizes |= {273: 8, 277: 1, 278: 1, 279: len(row), **dict(more)}
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sizes.items())
    return (
        b"II*\0"
        + struct.pack("<I", 8 + len(row))
        + row
        + struct.pack("<H", len(sizes))
        + tags
        + bytes(4)
    )


def png(bits, colour_type, row, key):
    """A PNG of two pixels, of which one has the transparent colour."""
    parts = {
        b"IHDR": struct.pack(">IIBBBBB", 2, 1, bits, colour_type, 0, 0, 0),
        b"tRNS": struct.pack(f">{len(key)}H", *key),
        b"IDAT": zlib.compress(b"\0" + row),
        b"IEND": b"",
    }
    return SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts.items()
    )


# ---- formats


@pytest.mark.parametrize("name", [name for name in whole() if name != "float.tiff"])
def test_decode_of_each_format_gives_upright_pixels(name):
    content = whole()[name]
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image)
    check(content)
    pixels = decode(content)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (upright.height, upright.width, 3))
    if not upright.has_transparency_data and not upright.mode.startswith("I"):
        np.testing.assert_array_equal(pixels, np.asarray(upright.convert("RGB")))


def test_every_format_is_tried():
    tried = {name.split(".")[1].upper() for name in whole()}
    assert tried == set(formats.readable())


def test_the_page_names_the_formats_and_limits():
    page = PAGE.read_text()
    (line,) = (line for line in page.splitlines() if line.startswith("- Formats: "))
    assert line.removeprefix("- Formats: ").split(". ")[0].split(", ") == list(FORMATS)
    assert f"A file has at most {FILE_MOST >> 20} MiB" in page
    assert f"takes at most {formats.MEMORY_MOST >> 30} GiB" in page
    costs = [row.bytes_a_pixel for row in FORMATS.values()]
    per_pixel = f"{min(costs)} to {max(costs)} bytes a pixel by format (JPEG {costs[0]})"
    assert per_pixel in page
    assert f"no value reaches {MODULE.DARK}" in page


def test_decode_of_several_jpegs_in_one_file_gives_the_first():
    """As telephones write them."""
    first = Image.fromarray(AS_RGB)
    content = encoded(first, "MPO", save_all=True, append_images=[first.rotate(180)])
    check(content)
    np.testing.assert_array_equal(decode(content), decode(encoded(first, "JPEG")))


@pytest.mark.parametrize("content", [POSTSCRIPT, b"", b"\0", b"GIF", b"notes"])
def test_decode_of_no_picture_is_refused(content):
    for function in (check, decode):
        with pytest.raises(NoPictureError, match="no picture; expected one of JPEG, PNG"):
            function(content)


@pytest.mark.parametrize("kind", OTHER_FORMATS)
def test_decode_of_another_format_that_pillow_reads_is_refused(kind):
    mode = "F" if kind == "SPIDER" else "RGB"
    content = encoded(Image.new(mode, (32, 32)), kind)
    with pytest.raises(NoPictureError):
        decode(content)


def test_decode_loads_no_plugin_of_another_format():
    code = (
        "import sys; from workbench.vision.pictures.decode import decode\n"
        "try: decode(b'%!PS-Adobe-3.0 EPSF-3.0')\n"
        "except Exception: pass\n"
        "print(*(name for name in sys.modules if name.startswith('PIL.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    plugins = {name for name in done.stdout.split() if name.endswith("ImagePlugin")}
    assert "PIL.TiffImagePlugin" in plugins
    assert plugins <= {f"PIL.{row.plugin}" for row in FORMATS.values()}


# ---- pixels


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_decode_obeys_each_orientation(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(AS_RGB), kind, exif=exif)
    with Image.open(io.BytesIO(content)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(decode(content), expected)


def test_decode_in_tiles_gives_the_same(monkeypatch):
    names = [name for name in whole() if name != "float.tiff"]
    expected = [decode(whole()[name]) for name in names]
    monkeypatch.setattr(MODULE, "TILE_PX", 7)
    for name, pixels in zip(names, expected, strict=True):
        np.testing.assert_array_equal(decode(whole()[name]), pixels, err_msg=name)


@pytest.mark.parametrize(
    ("kind", "order"), [("TIFF", "<"), ("TIFF", ">"), ("PNG", "<"), ("PPM", "<")]
)
def test_decode_of_16_bits_takes_the_upper_8(kind, order):
    values = ((GREY.astype(np.uint16) << 8) + 255).astype(f"{order}u2")
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(values), kind)), AS_RGB)


def test_decode_of_a_tiff_of_12_bits_takes_the_upper_8():
    values = [0, 0x0AB, 0x7FF, 0xFFF]
    assert decode(tiff(values, 12))[0, :, 0].tolist() == [value >> 4 for value in values]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encoded(Image.fromarray(GREY / np.float32(255)), "TIFF"), "floats"),
        (encoded(Image.fromarray(GREY.astype(np.float32) * 99), "TIFF"), "floats"),
        (encoded(Image.fromarray(GREY.astype(np.float32)), "PPM"), "floats"),
        (encoded(Image.fromarray(GREY.astype(np.int32)), "TIFF"), "32 bit integers"),
        (encoded(Image.fromarray(GREY.astype(np.uint16) << 4), "TIFF"), "highest value is 3680"),
        (encoded(Image.fromarray(GREY.astype(np.uint16)), "PNG"), "highest value is 230"),
        (tiff([0, 1, 60000], 16, photometric=0), "0 is white"),
        (png(16, 2, bytes(12), (0, 0, 0)), "16 bits and a transparent colour"),
    ],
    ids=["float", "large float", "float ppm", "int32", "12 in 16", "8 in 16", "inverse", "key"],
)
def test_decode_of_values_of_unknown_range_is_refused(content, message):
    for function in (check, decode):
        with pytest.raises(WorkbenchError, match=message):
            function(content)


def test_decode_of_black_in_16_bits_is_black():
    assert not decode(encoded(Image.fromarray(GREY.astype(np.uint16) * 0), "TIFF")).any()


@pytest.mark.parametrize(
    ("bits", "row", "key", "other"),
    [
        (1, b"\x40", 0, WHITE),
        (2, b"\x60", 1, GREY_OF_170),
        (4, b"\x3a", 3, GREY_OF_170),
        (8, b"\x03\xaa", 3, GREY_OF_170),
        (16, b"\x12\x34\xaa\xbb", 0x1234, GREY_OF_170),
    ],
)
def test_decode_of_a_transparent_colour_shows_white(bits, row, key, other):
    pixels = decode(png(bits, 0, row, (key,)))
    assert [tuple(pixel) for pixel in pixels[0].tolist()] == [WHITE, other]


def test_decode_of_a_transparent_colour_of_three_channels_shows_white():
    pixels = decode(png(8, 2, b"\1\2\3\4\5\6", (1, 2, 3)))
    assert pixels.tolist() == [[list(WHITE), [4, 5, 6]]]


# ---- errors


def test_decode_of_the_smallest_file_reads_it():
    check(b"P6 1 1 255\n\1\2\3")
    assert decode(b"P6 1 1 255\n\1\2\3").tolist() == [[[1, 2, 3]]]


@pytest.mark.parametrize("side", [1, 3, 7, 9])
def test_check_of_a_small_jpeg_passes(side):
    check(encoded(Image.new("RGB", (side, 90)), "JPEG"))


@pytest.mark.parametrize(
    "raised",
    [struct.error, KeyError, RecursionError, MemoryError, ZeroDivisionError, AssertionError],
)
@pytest.mark.parametrize("function", [check, decode])
def test_any_exception_of_a_decoder_is_the_pictures_error(function, raised, monkeypatch):
    def load(image):
        raise raised("one\nor two")

    monkeypatch.setattr(Image.Image, "getexif", load)
    with pytest.raises(WorkbenchError, match=rf"the decoder failed: {raised.__name__}: .*or two"):
        function(encoded(Image.new("RGB", (9, 9)), "PNG"))


def test_decode_of_a_picture_with_corrupt_exif_reads_it_and_warns_nobody():
    """As every viewer does; ImageNet has such files."""
    short = b"Exif\0\0II*\0\x08\0\0\0\x05\0\x0e\x01\x02\0\xff\0\0\0"
    content = encoded(Image.fromarray(AS_RGB), "JPEG", exif=short)
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(io.BytesIO(content)) as image:
        image.getexif()
    check(content)
    with ThreadPoolExecutor(4) as pool:
        shapes = {pixels.shape for pixels in pool.map(decode, [content] * 40)}
    assert shapes == {AS_RGB.shape}
    assert sum(map(formats.ignores_pillow, warnings.filters)) == 1
    with pytest.raises(UserWarning, match="of others"):
        warnings.warn("of others", stacklevel=1)  # not Pillow's: still an error in tests


def test_decode_of_a_picture_above_1_gib_is_refused_before_it_is_decoded(monkeypatch):
    content = encoded(Image.new("RGB", (60, 40)), "PNG")
    monkeypatch.setattr(formats, "MEMORY_MOST", 60 * 40 * FORMATS["PNG"].bytes_a_pixel)
    monkeypatch.setattr(Image.Image, "load", None)
    for function in (check, decode):
        with pytest.raises(WorkbenchError, match="60 x 40 pixels take more than 0 MiB"):
            function(content)


def test_decode_of_a_line_counts_what_the_decoder_keeps_besides(monkeypatch):
    monkeypatch.setattr(formats, "MEMORY_MOST", 1000 * 2 * FORMATS["PNG"].bytes_a_pixel)
    for size in ((1000, 1), (1, 1000)):
        with pytest.raises(WorkbenchError, match="pixels take more than"):
            decode(encoded(Image.new("RGB", size), "PNG"))


def test_decode_of_a_tiff_with_a_huge_tile_is_refused():
    content = tiff([1, 2], 8, more={322: 2**15, 323: 2**15})
    with pytest.raises(WorkbenchError, match="2 x 1 pixels take more than 1024 MiB"):
        decode(content)


def test_decode_of_a_size_that_is_a_lie_is_refused():
    content = bytearray(encoded(Image.new("L", (9, 9)), "BMP"))
    content[18:26] = struct.pack("<ii", 2**30, 2**30)
    with pytest.raises(WorkbenchError, match="so many pixels take more than 1024 MiB"):
        decode(bytes(content))


@pytest.mark.parametrize("count", [400, MANY])
def test_damaged_pictures_are_read_or_refused(count):
    """Warnings are errors in tests: Pillow's, of which damaged pictures cause many, are ignored."""
    outcomes = {True: 0, False: 0}
    for name, content in damaged(seed=0, count=count):
        sound = True
        try:
            check(content)
        except WorkbenchError:
            sound = False
        outcomes[sound] += 1
        if sound:
            pixels = decode(content)
            assert (pixels.dtype, pixels.shape[2]) == (np.uint8, 3), name
        else:
            with pytest.raises(WorkbenchError):
                decode(content)
    assert min(outcomes.values()) > count / 10


def test_damaged_pictures_do_not_depend_on_how_many_there_are():
    assert list(damaged(3, 9))[:5] == list(damaged(3, 5)) != list(damaged(4, 5))
