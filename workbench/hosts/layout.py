"""Sites of a host, and how the positions of a site lie in the input.

A new kind of input brings a layout of its own: a class with the members of `Layout`. Code that
works on pictures reads a site's `grid`.
"""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from workbench.errors import WorkbenchError

# The function between a unit's drive and its activation, by word (`workbench.splice.link`).
LINKS = ("relu", "identity", "softmax")


class Layout(Protocol):
    """How the positions of a site lie; every unit has one value at each position."""

    @property
    def positions(self) -> int:
        """How many positions there are."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the activation's axes after that of the channels."""


@dataclass(frozen=True)
class PictureGrid:
    """Cells on an even grid over the input picture.

    stride_px  input pixels from one cell to the next
    offset_px  input pixel at which cell (0, 0) is centred
    """

    height: int
    width: int
    stride_px: int
    offset_px: int

    def __str__(self) -> str:
        step, first = self.stride_px, self.offset_px
        return f"{self.height} x {self.width} cells, one every {step} px, the first at {first} px"

    @property
    def positions(self) -> int:
        """How many cells there are."""
        return self.height * self.width

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in cells."""
        return self.height, self.width


@dataclass(frozen=True)
class Site:
    """A named activation of a host.

    module    name of the submodule whose output it is (as in `nn.Module.get_submodule`)
    channels  how many units it has
    link      one of LINKS: the function that makes the activation of a unit's drive
    axis      the axis of the module's output along which the units lie

    Everywhere but in the network itself units lie along axis 1, and positions after it. Raises
    WorkbenchError for an unknown link.
    """

    name: str
    module: str
    channels: int
    layout: Layout
    link: str = "relu"
    axis: int = 1

    def __post_init__(self) -> None:
        if self.link not in LINKS:
            raise WorkbenchError(
                f"site {self.name}",
                f"no link {self.link!r}",
                f"one of {', '.join(LINKS)}",
            )

    def units_first(self, output: Tensor) -> Tensor:
        """The module's output as `n unit *position`; a view of it.

        An output without that axis is returned as it is, so that what checks shapes can name it.
        """
        if self.axis == 1 or not isinstance(output, Tensor) or output.ndim <= self.axis:
            return output
        return output.movedim(self.axis, 1)

    def as_computed(self, activation: Tensor) -> Tensor:
        """An activation `n unit *position` with its axes in the module's order; a view of it."""
        return activation if self.axis == 1 else activation.movedim(1, self.axis)

    @classmethod
    def on_grid(
        cls,
        name: str,
        module: str,
        channels: int,
        height: int,
        width: int,
        stride_px: int,
        offset_px: int,
    ) -> "Site":
        """A site whose cells lie on a grid over the picture, with a ReLU after every drive."""
        return cls(name, module, channels, PictureGrid(height, width, stride_px, offset_px))

    @property
    def grid(self) -> PictureGrid:
        """The layout, if it is a grid over the picture; raises WorkbenchError for any other."""
        if not isinstance(self.layout, PictureGrid):
            raise WorkbenchError(
                f"site {self.name}",
                f"its positions lie in a {type(self.layout).__name__}",
                "a grid over the picture (PictureGrid)",
            )
        return self.layout

    @property
    def height(self) -> int:
        """Rows of cells."""
        return self.grid.height

    @property
    def width(self) -> int:
        """Columns of cells."""
        return self.grid.width

    @property
    def stride_px(self) -> int:
        """Input pixels from one cell to the next."""
        return self.grid.stride_px

    @property
    def offset_px(self) -> int:
        """Input pixel at which cell (0, 0) is centred."""
        return self.grid.offset_px
