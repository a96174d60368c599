"""Pictures as a network's input."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from workbench.hosts.input import PictureInput
from workbench.vision.pictures.picture import Picture


def batch(pictures: Sequence[Picture], input: PictureInput) -> Float[Tensor, "n 3 s s"]:
    """The pictures as a host's input, with s = `input.size_px` (`PictureInput.batch`)."""
    return input.batch(pictures)
