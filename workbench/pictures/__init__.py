"""Where natural pictures come from: a folder, or photographs that come with a dependency. A picture is known by its content."""

from workbench.pictures.batch import batch
from workbench.pictures.folder import folder
from workbench.pictures.photographs import photographs
from workbench.pictures.picture import Collection, Picture, collection_sha256, decode, first_by_content, set_sha256, skipped

__all__ = [
    "Collection",
    "Picture",
    "batch",
    "collection_sha256",
    "decode",
    "first_by_content",
    "folder",
    "photographs",
    "set_sha256",
    "skipped",
]
