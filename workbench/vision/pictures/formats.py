"""Formats of picture files that are read: bounded memory, one kind of error, no other format."""

import importlib
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import NamedTuple

from PIL import ExifTags, Image

from workbench.errors import WorkbenchError


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
REASON_LENGTH = 100  # of a decoder's message, at most
PILLOW = re.compile(r"PIL\.")


class NoPictureError(WorkbenchError):
    """A file that is no picture of a format that is read, rather than a damaged one."""


@contextmanager
def opened(content: bytes) -> Iterator[Image.Image]:
    """The picture, not yet decoded; every exception within the block is the picture's error."""
    _ignore_warnings()
    try:
        with Image.open(io.BytesIO(content), formats=readable()) as image:
            _check_memory(image, len(content))
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
def readable() -> tuple[str, ...]:
    """The formats that this Pillow reads. No plugin of another format is loaded."""
    for row in FORMATS.values():
        with suppress(ImportError):  # Pillow before 11.3 has no AVIF
            importlib.import_module(f"PIL.{row.plugin}")
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _ignore_warnings() -> None:
    """Ignore Pillow's warnings: where one matters, the decoder raises too.

    The filter stays, since `warnings.catch_warnings` does not work in several threads at once.
    """
    if not any(ignores_pillow(row) for row in warnings.filters):
        warnings.filterwarnings("ignore", module=PILLOW.pattern)


def ignores_pillow(row: tuple) -> bool:
    """Whether a row of `warnings.filters` is the one for Pillow's warnings."""
    return getattr(row[3], "pattern", None) == PILLOW.pattern


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


def _reason(error: Exception) -> str:
    """A decoder's message in one line."""
    text = " ".join(str(error).split())[:REASON_LENGTH]
    if isinstance(error, (OSError, SyntaxError, ValueError)) and text:
        return text
    return f"the decoder failed: {type(error).__name__}{': ' * bool(text)}{text}"
