"""Bytes of a picture file as RGB pixels: right, or refused."""

from collections.abc import Callable

import numpy as np
from PIL import ExifTags, Image

from workbench.errors import WorkbenchError
from workbench.vision.pictures.formats import opened
from workbench.vision.pictures.picture import Pixels

TILE_PX = 1024  # side of the squares that are converted to RGB at once
# a JPEG is tried at an eighth of its size: every byte is read, most of the arithmetic saved
DRAFT_SHARE = 8
TRANSPARENT_ON = (255, 255, 255, 255)  # transparent pixels become white, as in most viewers
# Pillow gives 16 bit greyscale in one of these modes
DEEPER_THAN_8_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")
NO_COLOUR = -1
DARK = 2**12  # a picture of 16 bits has values above it
PNG_BITS_AT = 24  # the byte of a PNG's header that holds the bits of a channel
PHOTOMETRIC = ExifTags.Base.PhotometricInterpretation  # of a TIFF: 0 if 0 is white
UPRIGHT: dict[object, Callable[[np.ndarray], np.ndarray]] = {  # by EXIF orientation
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}


def decode(content: bytes) -> Pixels:
    """Bytes of a picture file as uint8 RGB `h w 3`, upright by its EXIF orientation.

    Greyscale, CMYK, palettes, transparency (on white) and 16 bits a channel all become 8 bit RGB.
    The first frame or page is read. Raises NoPictureError for bytes of no format of FORMATS, and
    WorkbenchError for a damaged picture, one that would take more than MEMORY_MOST bytes, one of
    floats, 32 bit or signed integers, whose range the file does not tell, and one of 16 bits of
    which no value needs more than 12.
    """
    with opened(content) as image:
        _check_range(image)
        _load(image, content)
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
    with opened(content) as image:
        _check_range(image)
        width, height = (max(side // DRAFT_SHARE, 1) for side in image.size)
        image.draft(None, (width, height))
        _load(image, content)
        image.getexif()
        _rgb(image.crop((0, 0, 1, 1)), _bits(image))


def _load(image: Image.Image, content: bytes) -> None:
    """Decode a picture, and refuse 16 bits that hold fewer."""
    image.load()
    _set_transparent_colour(image, content)
    _check_bits(image)


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
    colour = image.info.get("transparency")
    if image.format != "PNG" or colour is None:
        return
    bits = content[PNG_BITS_AT]
    if image.mode == "RGB" and bits == 16:
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
