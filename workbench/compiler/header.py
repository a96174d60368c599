"""The header of a compiled circuit's file, and whether its tensors fit it (docs/circuit-file.md).

Raised errors name the layer and the key.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, ValidationError
from torch import Tensor

from workbench.compiler.circuit import HOST
from workbench.errors import WorkbenchError
from workbench.spec.circuit import Vector
from workbench.spec.language import INPUT
from workbench.spec.number import Strict
from workbench.spec.problems import Path, faults, key_text, printable, shortened
from workbench.theory.poses import (
    ASPECT,
    CENTRE,
    CHANNEL,
    ENVELOPE,
    MIXTURE,
    ORIENTATION,
    PHASE,
    RADIUS,
    RGB,
    SCALE,
    SHIFT_X,
    SHIFT_Y,
    UNIT,
)
from workbench.vision.geometry.gabor import OPPONENT

FORMAT = 2
FACTORS = (SCALE, ENVELOPE, ASPECT, RADIUS)  # their values are above 0
AXES = (ORIENTATION, CENTRE, PHASE, CHANNEL, *FACTORS, *MIXTURE, SHIFT_X, SHIFT_Y)

Count = Annotated[int, Field(ge=1, le=1 << 16)]
Texts = Annotated[tuple[str, ...], Field(min_length=1)]


class PoolRow(Strict):
    """A layer's pool."""

    taps: Annotated[int, Field(ge=0, le=512)]
    stride_px: Count


class GridRow(Strict):
    """The cells of the host's site."""

    size_px: Count
    stride_px: Count
    offset_px: Annotated[int, Field(ge=-(1 << 16), le=1 << 16)]
    height: Count
    width: Count


class LayerRow(Strict):
    """One layer."""

    family: str
    names: Texts
    poses: dict[str, tuple[float | str, ...]]
    shape: Annotated[tuple[tuple[str, Count], ...], Field(min_length=1)]
    stride_px: Count
    reads: Texts
    full: bool
    normalise: str | None
    pool: PoolRow | None

    @property
    def grid_px(self) -> int:
        """Stride of the response in input pixels."""
        return self.pool.stride_px if self.pool else self.stride_px


class Header(Strict):
    """The whole header, without its checksum."""

    format: Literal[2]
    theory: str
    host: str
    site: str
    units: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    vectors: tuple[Vector, ...] = ()
    grid: GridRow
    facts: dict[str, Any]
    layers: Annotated[tuple[LayerRow, ...], Field(min_length=1)]


def checked_header(where: str, values: dict[str, Any], tensors: Mapping[str, Tensor]) -> Header:
    """The header of a file, all of whose values and tensors fit each other.

    Raises WorkbenchError for the first that does not.
    """
    try:
        plain = {key: item if key == "facts" else _tuples(item) for key, item in values.items()}
        header = Header.model_validate(plain, strict=True)
    except ValidationError as error:
        fault = faults(error, Header)[0]
        path, value = _at(values, fault.path)
        shown = fault.found or shortened(repr(value))
        raise _refused(f"{where}: {key_text(path)}", shown, fault.expected) from error
    for key, problem, expected in _misfits(header, tensors):
        raise _refused(f"{where}: {key}", problem, expected)
    return header


def _refused(where: str, given: str, expected: str) -> WorkbenchError:
    return WorkbenchError(printable(where), printable(given), expected, "Compile it again.")


def _tuples(value: Any) -> Any:
    """JSON's values with tuples in place of lists."""
    if isinstance(value, list):
        return tuple(map(_tuples, value))
    return {key: _tuples(item) for key, item in value.items()} if isinstance(value, dict) else value


def _at(values: Any, path: Path) -> tuple[Path, Any]:
    """The longest beginning of a path that is there, and the value there."""
    for i, key in enumerate(path):
        in_list = isinstance(values, list) and key in range(len(values))
        if not in_list and not (isinstance(values, dict) and key in values):
            return path[:i], values
        values = values[key]
    return path, values


Misfit = tuple[str, str, str]  # layer and key, what is there, what was expected


def _misfits(header: Header, tensors: Mapping[str, Tensor]) -> Iterator[Misfit]:
    """Every misfit; those of a layer count only where there is none before them."""
    yield from _of_units(header)
    above: dict[str, LayerRow] = {}
    expected: dict[str, tuple[int | None, ...]] = {}
    for row in header.layers:
        yield from _of_layer(row, above)
        expected |= _shapes(row, above)
        above[row.family] = row
    yield from _of_last(header)
    yield from _of_tensors(expected, tensors)
    for row in header.layers:
        yield from _of_constants(row, tensors)


def _of_units(header: Header) -> Iterator[Misfit]:
    units = header.units
    if len(set(units)) < len(units):
        yield "units", "a unit twice", "each unit once"
    if header.vectors and len(header.vectors) != len(units):
        yield "vectors", f"{len(header.vectors)} of them", f"one for each of the {len(units)} units"
    lengths = sorted({len(vector) for vector in header.vectors})
    if len(lengths) > 1:
        yield "vectors", f"of {' and '.join(map(str, lengths))} numbers", "one length"


def _of_layer(row: LayerRow, above: Mapping[str, LayerRow]) -> Iterator[Misfit]:
    where, count = f"layer {row.family!r}", len(row.names)
    if row.family == INPUT or row.family.startswith(HOST) or row.family in above:
        yield where, "its name", f"a name of its own, not {INPUT!r} and not {HOST}SITE"
    for axis, values in row.poses.items():
        yield from _of_pose(f"{where}: poses: {axis}", axis, values, count)
    axes = [axis for axis, _ in row.shape]
    if math.prod(size for _, size in row.shape) != count or len(set(axes)) < len(axes):
        yield f"{where}: shape", f"{dict(row.shape)}", f"sizes of axes that give {count} units"
    if strange := [axis for axis in axes if axis != UNIT and axis not in row.poses]:
        yield f"{where}: shape", f"the axis {strange[0]!r}", "axes of its poses"
    if row.normalise is not None and row.normalise not in axes:
        yield f"{where}: normalise", repr(row.normalise), f"one of {', '.join(axes)}"
    if row.pool and row.pool.stride_px % row.stride_px:
        yield f"{where}: pool", f"stride_px {row.pool.stride_px}", f"a multiple of {row.stride_px}"
    if len(set(row.reads)) < len(row.reads):
        yield f"{where}: reads", "a source twice", "each source once"
    for source in row.reads:
        if source in above and row.stride_px % above[source].grid_px:
            step_px = above[source].grid_px
            shown = f"{row.stride_px}, and {source!r} has cells every {step_px} px"
            yield f"{where}: stride_px", shown, f"a multiple of {step_px}"
        elif source not in above and source != INPUT and not source.startswith(HOST):
            yield f"{where}: reads", repr(source), f"{INPUT}, {HOST}SITE or a layer above"


def _of_pose(
    where: str, axis: str, values: tuple[float | str, ...], count: int
) -> Iterator[Misfit]:
    if axis not in AXES:
        yield where, "an axis that is not known", f"one of {', '.join(AXES)}"
    if len(values) != count:
        yield where, f"{len(values)} values", f"one for each of the {count} units"
    if axis == CHANNEL:
        if strange := [value for value in values if value not in OPPONENT]:
            yield where, shortened(repr(strange[0])), f"one of {', '.join(OPPONENT)}"
    elif any(isinstance(value, str) for value in values):
        yield where, "a word", "numbers"
    elif axis in FACTORS and not all(value > 0 for value in values):  # type: ignore[operator]
        yield where, "a number that is not above 0", "numbers above 0"


def _of_last(header: Header) -> Iterator[Misfit]:
    last, units = header.layers[-1], len(header.units)
    where = f"layer {last.family!r}"
    if len(last.names) != units:
        yield f"{where}: names", f"{len(last.names)} of them", f"{units}, as the file has units"
    if last.stride_px != header.grid.stride_px:
        stride_px = header.grid.stride_px
        yield f"{where}: stride_px", str(last.stride_px), f"{stride_px}, that of the grid"
    if last.pool is not None:
        yield f"{where}: pool", "a pool", "null, for the last layer"


def _shapes(row: LayerRow, above: Mapping[str, LayerRow]) -> dict[str, tuple[int | None, ...]]:
    """Name -> shape of each of a layer's tensors; None for a size that other tensors do not fix."""
    constants = ("threshold", "ideal", *(("floor",) if row.normalise is not None else ()))
    shapes: dict[str, tuple[int | None, ...]] = {f"{row.family}/{name}": () for name in constants}
    for source in row.reads:
        known = len(above[source].names) if source in above else None
        inputs = len(RGB) if source == INPUT else known
        shapes[f"{row.family}<-{source}"] = (len(row.names), inputs, None, None)
    return shapes


def _of_tensors(
    expected: Mapping[str, tuple[int | None, ...]], tensors: Mapping[str, Tensor]
) -> Iterator[Misfit]:
    if missing := sorted(expected.keys() - tensors.keys()):
        yield f"tensor {missing[0]!r}", "not there", "a tensor for each read and constant"
    if extra := sorted(tensors.keys() - expected.keys()):
        yield f"tensor {extra[0]!r}", "of no layer", "tensors of the layers alone"
    for name, shape in expected.items():
        where, tensor = f"tensor {name!r}", tensors[name]
        if tensor.dtype != torch.float32:
            yield where, str(tensor.dtype).removeprefix("torch."), "float32"
        if not _fits(tuple(tensor.shape), shape):
            wanted = " x ".join("n" if size is None else str(size) for size in shape)
            odd = ", n odd for rows and columns alike" if shape else ""
            yield where, f"the shape {list(tensor.shape)}", f"{wanted or 'one number'}{odd}"
        if not tensor.isfinite().all():
            yield where, "numbers that are not finite", "finite numbers"


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    if len(shape) != len(expected) or 0 in shape:
        return False
    alike = all(want in (None, size) for size, want in zip(shape, expected, strict=True))
    return alike and (not shape or (shape[2] == shape[3] and shape[2] % 2 == 1))


def _of_constants(row: LayerRow, tensors: Mapping[str, Tensor]) -> Iterator[Misfit]:
    value = {name: float(tensors[f"{row.family}/{name}"]) for name in ("threshold", "ideal")}
    if not value["ideal"] > 0:
        yield f"tensor '{row.family}/ideal'", f"{value['ideal']:g}", "a number above 0"
    if not value["threshold"] < 1:
        yield f"tensor '{row.family}/threshold'", f"{value['threshold']:g}", "a number below 1"
    if row.normalise is not None and not float(tensors[f"{row.family}/floor"]) > 0:
        yield f"tensor '{row.family}/floor'", "a number that is not above 0", "a number above 0"
