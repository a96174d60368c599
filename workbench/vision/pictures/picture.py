"""A picture, identified by its content, and how bytes become RGB pixels."""

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

Pixels = UInt8[np.ndarray, "h w 3"]
TRANSPARENT_ON = (255, 255, 255, 255)  # transparent pixels become white, as in most viewers
# Pillow gives 16 bit greyscale in one of these modes
DEEPER_THAN_8_BIT = ("I;16", "I;16B", "I;16L", "I;16N", "I")


@dataclass(frozen=True)
class Picture:
    """A picture that is read when it is needed.

    name    unique within its collection
    sha256  of its content, in hex: two pictures with the same hash are the same picture
    label   WordNet id (`n02110341`), or None
    load    reads it as uint8 RGB `h w 3`
    """

    name: str
    sha256: str
    label: str | None
    load: Callable[[], Pixels] = field(repr=False, compare=False)


class Collection(list[Picture]):
    """Pictures of a folder, of which `skipped` files were passed over as no sound pictures."""

    def __init__(self, pictures: Iterable[Picture], skipped: int):
        super().__init__(pictures)
        self.skipped = skipped


def skipped(pictures: Sequence[Picture]) -> int:
    """How many files of their folder were passed over."""
    return pictures.skipped if isinstance(pictures, Collection) else 0


def first_by_content(pictures: Sequence[Picture], most: int) -> Collection:
    """The `most` pictures whose SHA-256 come first, in that order.

    The sample does not depend on the pictures' names.
    """
    return Collection(
        sorted(pictures, key=lambda picture: picture.sha256)[:most], skipped(pictures)
    )


def collection_sha256(pictures: Iterable[Picture]) -> str:
    """SHA-256 of a collection; neither its order nor its names change it."""
    return set_sha256(picture.sha256 for picture in pictures)


def set_sha256(sha256s: Iterable[str]) -> str:
    """One SHA-256 for a set of them: that of the sorted hashes, one a line."""
    return hashlib.sha256("\n".join(sorted(sha256s)).encode()).hexdigest()


def decode(content: bytes) -> Pixels:
    """Bytes of a picture file as uint8 RGB `h w 3`, upright by its EXIF orientation.

    Greyscale, CMYK, palettes, transparency (on white) and 16 bit greyscale all become 8 bit RGB.
    Raises OSError or SyntaxError for a broken file and PIL.Image.DecompressionBombError for one of
    more than twice PIL.Image.MAX_IMAGE_PIXELS.
    """
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(_rgb(ImageOps.exif_transpose(image)))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode in DEEPER_THAN_8_BIT:
        return Image.fromarray(
            (np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8)
        ).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, TRANSPARENT_ON), image).convert(
            "RGB"
        )
    return image.convert("RGB")
