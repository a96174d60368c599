"""Layouts of sites over a sequence: how their positions lie along it.

Places count from 0.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Places:
    """One position at each place of a sequence of `length` places."""

    length: int

    def __str__(self) -> str:
        return f"{self.length} places"

    @property
    def positions(self) -> int:
        """How many places there are."""
        return self.length

    @property
    def shape(self) -> tuple[int]:
        """The number of places."""
        return (self.length,)


@dataclass(frozen=True)
class Pattern:
    """One position for each query place and key place, as in an attention pattern."""

    queries: int
    keys: int

    def __str__(self) -> str:
        return f"{self.queries} query places x {self.keys} key places"

    @property
    def positions(self) -> int:
        """How many pairs of places there are."""
        return self.queries * self.keys

    @property
    def shape(self) -> tuple[int, int]:
        """Query places, then key places."""
        return self.queries, self.keys


@dataclass(frozen=True)
class HeadPlaces:
    """One position for each place and component of a head's vector there.

    The unit is the head.
    """

    length: int
    width: int

    def __str__(self) -> str:
        return f"{self.length} places x {self.width} components"

    @property
    def positions(self) -> int:
        """How many pairs of place and component there are."""
        return self.length * self.width

    @property
    def shape(self) -> tuple[int, int]:
        """Places, then components."""
        return self.length, self.width
