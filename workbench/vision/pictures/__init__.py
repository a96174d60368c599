"""Natural pictures, from a folder or from photographs that come with a dependency.

Pictures are compared by their SHA-256, not by their names.
"""

from workbench.vision.pictures.batch import batch
from workbench.vision.pictures.decode import decode
from workbench.vision.pictures.folder import folder
from workbench.vision.pictures.photographs import photographs, photographs_and_drawn
from workbench.vision.pictures.picture import (
    Collection,
    Picture,
    collection_sha256,
    first_by_content,
    skipped,
)

__all__ = [
    "Collection",
    "Picture",
    "batch",
    "collection_sha256",
    "decode",
    "first_by_content",
    "folder",
    "photographs",
    "photographs_and_drawn",
    "skipped",
]
