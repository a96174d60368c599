"""Checks of tables of weights: poses that the families have, offsets on grid and in window."""

import math
from collections.abc import Collection, Iterator

from workbench.errors import nearest
from workbench.spec.language import Family, Pose, Poses, Table
from workbench.spec.partial import known
from workbench.spec.problems import Fault, Path


def table_faults(
    path: Path,
    family: Family,
    table: Table,
    upstream: str,
    read: Family | None,
    grid_px: int | None,
) -> Iterator[Fault]:
    """Faults of a table at `path`.

    `read` is the upstream family, None for the picture; `grid_px` is its grid, None if faulty.
    """
    for i, entry in enumerate(table.weights):
        here = (*path, "weights", i)
        yield from _pose((*here, "to"), entry.to, family, "this family")
        yield from _pose((*here, "from"), entry.from_, read, repr(upstream))
        if grid_px and known(family, "window_px"):
            yield from _offset((*here, "at_px"), entry.at_px, family.window_px, upstream, grid_px)


def unit_faults(path: Path, family: Family, units: Collection[int]) -> Iterator[Fault]:
    """A fault for each unit that a table of a from-circuit family names beyond `units`."""
    for upstream, reads in family.reads.items():
        for i, read in enumerate(reads):
            for j, entry in enumerate(read.weights if isinstance(read, Table) else ()):
                if (unit := entry.to.unit) is not None and unit not in units:
                    where = (*path, "reads", upstream, i, "weights", j, "to", "unit")
                    yield Fault(
                        "unknown-pose",
                        where,
                        None,
                        "a unit of the trained circuit",
                        nearest(str(unit), map(str, units)),
                    )


def _pose(path: Path, pose: Pose, family: Family | None, owner: str) -> Iterator[Fault]:
    if family is not None and not known(family, "poses"):
        return
    values = _values(family)
    for axis, value in pose.axes().items():
        if axis not in values:
            yield Fault(
                "missing-axis",
                (*path, axis),
                f"{axis!r}, a pose that {owner} does not have",
                "an axis of its poses",
                nearest(axis, values),
            )
        elif values[axis] and value not in values[axis]:
            period = getattr(getattr(family and family.poses, axis), "over", math.inf)
            yield Fault(
                "unknown-pose",
                (*path, axis),
                None,
                f"a value of {axis} that {owner} has",
                _near(value, values[axis], period),
            )


def _values(family: Family | None) -> dict[str, tuple]:
    """Axis -> its values; empty for colours, which the schema checks, and for unknown units."""
    if family is None:
        return {"colour": ()}
    return family.poses.axes() if isinstance(family.poses, Poses) else {"unit": ()}


def _near(value: float | str, known: tuple, period: float) -> str:
    if isinstance(value, str):
        return nearest(value, known)
    away = {pose: abs(pose - value) % period for pose in known}
    return f"Did you mean {min(known, key=lambda pose: min(away[pose], period - away[pose])):g}?"


def _offset(
    path: Path, at_px: tuple[int, int], window_px: float, upstream: str, grid_px: int
) -> Iterator[Fault]:
    furthest = math.floor(window_px / 2 / grid_px) * grid_px
    if any(step % grid_px for step in at_px):
        yield Fault("stride", path, None, f"multiples of {grid_px}, the grid of {upstream!r}")
    if max(map(abs, at_px)) > window_px / 2:
        yield Fault(
            "out-of-range",
            path,
            None,
            f"at most {furthest} to each side, within window_px {window_px:g}",
        )
