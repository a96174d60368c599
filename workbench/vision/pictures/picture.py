"""A picture, identified by its content, and collections of pictures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8

from workbench.files import set_sha256

Pixels = UInt8[np.ndarray, "h w 3"]


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
    """Pictures of a folder, and the number of `skipped` files and sub-folders."""

    def __init__(self, pictures: Iterable[Picture], skipped: int):
        super().__init__(pictures)
        self.skipped = skipped


def skipped(pictures: Sequence[Picture]) -> int:
    """How many files and sub-folders of their folder were skipped."""
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
