"""How far units are copies of one prototype, and how many prototypes a family needs.

Pure functions of tables.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from workbench.vision.geometry.frames import Tables

TINY = 1e-12
ROUNDS = 10  # in which each unit may become its mirror image; two or three suffice


@dataclass(frozen=True)
class Alike:
    """Correlations of units with each other, as they are and with one of them mirrored.

    `reflect`: whether units may be mirrored.
    """

    upright: Float[np.ndarray, "unit unit"]
    mirrored: Float[np.ndarray, "unit unit"]
    reflect: bool

    def sides(self, members: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """1 for each member, -1 where its mirror image is nearer to the mean of the others.

        Without `reflect` all are 1.
        """
        side, block = np.ones(len(members), int), np.ix_(members, members)
        as_is, mirrored = self.upright[block], self.mirrored[block]
        for _ in range(ROUNDS if self.reflect and len(members) > 1 else 0):
            before = side.copy()
            for i in range(len(members)):
                near = {
                    way: np.where(side == way, as_is[i], mirrored[i]).sum()
                    - (as_is if side[i] == way else mirrored)[i, i]
                    for way in (1, -1)
                }
                side[i] = 1 if near[1] >= near[-1] else -1
            if (side == before).all():
                break
        return side

    def explained(
        self, members: Int[np.ndarray, " n"], side: Int[np.ndarray, " n"]
    ) -> Float[np.ndarray, " n"]:
        """Share of each member's variance that the mean of the *other* members explains.

        It is 1 - residual / total of the fit with the best offset and gain of 0 or more: the square
        of their correlation, or 0 where that is negative; 0 for a member alone.
        """
        between = self._between(members, side)
        # variance of the sum of the others
        others = between.sum() - 2 * between.sum(0) + np.diag(between)
        with_others = between.sum(0) - np.diag(between)
        return np.maximum(with_others, 0) ** 2 / np.maximum(np.diag(between) * others, TINY)

    def _between(self, members: np.ndarray, side: np.ndarray) -> Float[np.ndarray, "n n"]:
        block = np.ix_(members, members)
        return np.where(side[:, None] == side, self.upright[block], self.mirrored[block])


@dataclass(frozen=True)
class Orbit:
    """Units that share one prototype.

    members    their indices
    side       -1 for those that are mirrored, else 1
    explained  share of each that the mean of the others explains
    """

    members: Int[np.ndarray, " n"]
    side: Int[np.ndarray, " n"]
    explained: Float[np.ndarray, " n"]


def alike(tables: Tables, reflect: bool) -> Alike:
    """The correlations of all units; 0 with a unit that never varies."""
    as_is, mirrored = _standard(tables.upright), _standard(tables.mirrored)
    across = as_is @ mirrored.T
    return Alike(as_is @ as_is.T, (across + across.T) / 2, reflect)


def selected(near: Alike, rows: Int[np.ndarray, " n"]) -> Alike:
    """The correlations of some of the units."""
    block = np.ix_(rows, rows)
    return Alike(near.upright[block], near.mirrored[block], near.reflect)


def orbit(near: Alike, members: Int[np.ndarray, " n"]) -> Orbit:
    """These units as one orbit."""
    side = near.sides(members)
    return Orbit(members, side, near.explained(members, side))


def orbits(near: Alike, least: float) -> list[Orbit]:
    """The family in orbits, the largest first.

    The unit that the others explain worst leaves, until each is explained to `least`; those that
    left are divided in the same way. A unit that no other is like is an orbit of one.
    """
    rest, divided = np.arange(len(near.upright)), []
    while len(rest):
        now = orbit(near, rest)
        while len(now.members) > 1 and now.explained.min() < least:
            now = orbit(near, np.delete(now.members, now.explained.argmin()))
        divided.append(now)
        rest = np.setdiff1d(rest, now.members)
    return sorted(divided, key=lambda one: -len(one.members))


def numbers(tables: Tables, one: Orbit, least: float) -> int:
    """How many numbers of an orbit's prototype explain `least` of each of its units' variance.

    The prototype's largest numbers about its mean come first. All are counted where `least` is
    never reached.
    """
    as_is, mirrored = _standard(tables.upright), _standard(tables.mirrored)
    units = np.where(one.side[:, None] > 0, as_is[one.members], mirrored[one.members])
    prototype = units.mean(0)
    order = np.argsort(-np.abs(prototype), kind="stable")
    with_units = np.cumsum(units[:, order] * prototype[order], 1)
    explained = (
        np.maximum(with_units, 0) ** 2 / np.maximum(np.cumsum(prototype[order] ** 2), TINY)
    ).min(0)
    return int(np.argmax(explained >= least)) + 1 if explained.max() >= least else len(prototype)


def alone(tables: Tables, least: float) -> int:
    """The count of numbers that describe the units one by one, each to `least` of its variance."""
    whole = np.ones(1, int)
    return sum(
        numbers(tables, Orbit(np.array([unit]), whole, np.zeros(1)), least)
        for unit in range(len(tables.upright))
    )


def _standard(tables: Float[np.ndarray, "unit row"]) -> Float[np.ndarray, "unit row"]:
    """Rows centred and scaled to length 1; 0 where all numbers are equal."""
    centred = tables - tables.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.where(
        length > TINY * np.linalg.norm(tables, axis=1, keepdims=True),
        centred / np.maximum(length, 1e-300),
        0.0,
    )
