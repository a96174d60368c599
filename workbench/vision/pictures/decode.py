"""Bytes of a picture file as RGB pixels: few formats, bounded memory, one kind of error."""

import importlib
import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image

from workbench.errors import WorkbenchError
from workbench.vision.pictures.picture import Pixels


class Format(NamedTuple):
    """A format that is read.

    suffixes       of the names of its files; a file of another name is read too
    bytes_a_pixel  that decoding one takes at most, without the file itself
    plugin         Pillow's module for it
    """

    suffixes: tuple[str, ...]
    bytes_a_pixel: int
    plugin: str


# Pillow knows 40 formats. Some of them start other programs, as Postscript does.
# Measured without the file: a progressive JPEG of CMYK takes 12 bytes a pixel, a lossless WebP 22,
# an AVIF 16, a TIFF 12, others 9.
FORMATS = {
    "JPEG": Format((".jpg", ".jpeg", ".jpe", ".jfif"), 13, "JpegImagePlugin"),
    "PNG": Format((".png", ".apng"), 10, "PngImagePlugin"),
    "GIF": Format((".gif",), 10, "GifImagePlugin"),
    "BMP": Format((".bmp",), 10, "BmpImagePlugin"),
    "PPM": Format((".ppm", ".pgm", ".pbm", ".pnm"), 12, "PpmImagePlugin"),
    "TIFF": Format((".tif", ".tiff"), 14, "TiffImagePlugin"),
    "WEBP": Format((".webp",), 24, "WebPImagePlugin"),
    "AVIF": Format((".avif",), 20, "AvifImagePlugin"),
}
SUFFIXES = tuple(suffix for row in FORMATS.values() for suffix in row.suffixes)
MEMORY_MOST = 2**30  # bytes that one picture takes at most, its file included
# of rows and columns that are counted: a decoder keeps two rows besides the picture, and a pointer
# to each row, which is much for a line of pixels
FEWEST = 4
TILE_PX = 1024  # side of the squares that are converted to RGB at once
# a JPEG is tried at an eighth of its size: every byte is read, most of the arithmetic saved
DRAFT_SHARE = 8
REASON_LENGTH = 100  # of a decoder's message, at most
TRANSPARENT_ON = (255, 255, 255, 255)  # transparent pixels become white, as in most viewers
# Pillow gives 16 bit greyscale in one of these modes
DEEPER_THAN_8_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")
NO_COLOUR = -1
DARK = 2**12  # a picture of 16 bits has values above it
PNG_BITS_AT = 24  # the byte of a PNG's header that holds the bits of a channel
PHOTOMETRIC = ExifTags.Base.PhotometricInterpretation  # of a TIFF: 0 if 0 is white
PILLOW = re.compile(r"PIL\.")
UPRIGHT: dict[object, Callable[[np.ndarray], np.ndarray]] = {  # by EXIF orientation
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}


class NoPictureError(WorkbenchError):
    """A file that is no picture of a format that is read, rather than a damaged one."""


def decode(content: bytes) -> Pixels:
    """Bytes of a picture file as uint8 RGB `h w 3`, upright by its EXIF orientation.

    Greyscale, CMYK, palettes, transparency (on white) and 16 bits a channel all become 8 bit RGB.
    The first frame or page is read. Raises NoPictureError for bytes of no format of FORMATS, and
    WorkbenchError for a damaged picture, one that would take more than MEMORY_MOST bytes, one of
    floats, 32 bit or signed integers, whose range the file does not tell, and one of 16 bits of
    which no value needs more than 12.
    """
    with _opened(content) as image:
        image.load()
        _check_bits(image)
        bits = _bits(image)
        pixels = np.empty((image.height, image.width, 3), np.uint8)
        for top in range(0, image.height, TILE_PX):
            for left in range(0, image.width, TILE_PX):
                part = np.s_[top : top + TILE_PX, left : left + TILE_PX]
                height, width, _ = pixels[part].shape
                box = (left, top, left + width, top + height)
                tile = image if image.size == (width, height) else image.crop(box)
                pixels[part] = np.asarray(_rgb(tile, bits))
        turn = UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation))
    return np.ascontiguousarray(turn(pixels)) if turn else pixels


def check(content: bytes) -> None:
    """Raise what `decode` would raise, sooner: a JPEG is decoded at a part of its size."""
    with _opened(content) as image:
        width, height = (max(side // DRAFT_SHARE, 1) for side in image.size)
        image.draft(None, (width, height))
        image.load()
        _check_bits(image)
        image.getexif()
        _rgb(image.crop((0, 0, 1, 1)), _bits(image))


@contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    """The picture, not yet decoded; every exception within the block is the picture's error."""
    _ignore_warnings()
    try:
        with Image.open(io.BytesIO(content), formats=_readable()) as image:
            _check_memory(image, len(content))
            _check_range(image)
            _set_transparent_colour(image, content)
            yield image
    except WorkbenchError:
        raise
    except Image.DecompressionBombError as error:  # Pillow refuses such a size by itself
        raise _too_large("so many pixels") from error
    except Image.UnidentifiedImageError as error:
        raise NoPictureError("picture", "no picture", f"one of {', '.join(FORMATS)}") from error
    except Exception as error:  # decoders raise nearly every kind
        raise WorkbenchError("picture", _reason(error)) from error


@cache
def _readable() -> tuple[str, ...]:
    """The formats that this Pillow reads. No plugin of another format is loaded."""
    for row in FORMATS.values():
        with suppress(ImportError):  # Pillow before 11.3 has no AVIF
            importlib.import_module(f"PIL.{row.plugin}")
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _ignore_warnings() -> None:
    """Ignore Pillow's warnings: where one matters, the decoder raises too.

    The filter stays, since `warnings.catch_warnings` does not work in several threads at once.
    """
    if not any(row[3] is PILLOW for row in warnings.filters):
        warnings.filterwarnings("ignore", module=PILLOW.pattern)


def _check_memory(image: Image.Image, file_bytes: int) -> None:
    # a picture of several JPEGs, as telephones write them, has a format of its own
    row = FORMATS.get(image.format or "", FORMATS["JPEG"])
    pixels = max(image.width, FEWEST) * max(image.height, FEWEST)
    tags = getattr(image, "tag_v2", {})
    tile = int(tags.get(ExifTags.Base.TileWidth, 0)) * int(tags.get(ExifTags.Base.TileLength, 0))
    if file_bytes + row.bytes_a_pixel * max(pixels, tile) > MEMORY_MOST:
        raise _too_large(f"{image.width} x {image.height} pixels")


def _too_large(size: str) -> WorkbenchError:
    most = f"{MEMORY_MOST >> 20} MiB"
    return WorkbenchError("picture", f"{size} take more than {most}", remedy="Scale it down.")


def _check_range(image: Image.Image) -> None:
    """Refuse pixels whose black and white the file does not tell."""
    tags = getattr(image, "tag_v2", None)
    if tags and image.mode in DEEPER_THAN_8_BIT and not tags.get(PHOTOMETRIC, 0):
        raise WorkbenchError("picture", "16 bits of which 0 is white", remedy="Invert it.")
    if image.mode == "F" or (image.mode == "I" and tags):
        raise WorkbenchError(
            "picture",
            "floats, or signed or 32 bit integers, whose range is unknown",
            "8 or 16 bits a channel",
            "Save it with 8 or 16 bits a channel.",
        )


def _check_bits(image: Image.Image) -> None:
    """Refuse 12 bits that are stored as if they were 16, which would be nearly black."""
    if image.mode not in DEEPER_THAN_8_BIT or _bits(image) != 16:
        return
    highest = np.asarray(image).max()
    if 0 < highest < DARK:
        raise WorkbenchError(
            "picture",
            f"16 bits of which the highest value is {highest}, as of fewer bits",
            remedy="Scale its values to 16 bits.",
        )


def _bits(image: Image.Image) -> int:
    """Bits of a value of greyscale deeper than 8 bits."""
    return 12 if getattr(image, "tag_v2", {}).get(ExifTags.Base.BitsPerSample) == (12,) else 16


def _set_transparent_colour(image: Image.Image, content: bytes) -> None:
    """A PNG's transparent colour has the bits of the file; Pillow's pixels have 8 or 16."""
    bits, colour = content[PNG_BITS_AT], image.info.get("transparency")
    if image.format != "PNG" or colour is None or bits == 8:
        return
    if image.mode == "RGB":
        raise WorkbenchError("picture", "16 bits and a transparent colour", remedy="Flatten it.")
    if image.mode == "L":
        image.info["transparency"] = colour * (255 // (2**bits - 1))


def _rgb(image: Image.Image, bits: int) -> Image.Image:
    if image.mode in DEEPER_THAN_8_BIT:
        values = np.asarray(image).astype(np.int32)
        grey = values >> (bits - 8)
        grey[values == image.info.get("transparency", NO_COLOUR)] = 255
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, TRANSPARENT_ON), image).convert(
            "RGB"
        )
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    """A decoder's message in one line."""
    text = " ".join(str(error).split())[:REASON_LENGTH]
    if isinstance(error, (OSError, SyntaxError, ValueError)) and text:
        return text
    return f"the decoder failed: {type(error).__name__}{': ' * bool(text)}{text}"
