"""The memory and work that a theory takes, counted before anything is allocated.

Compiling runs each family but the last on drawings (`workbench.compiler.ideal`), in float64; there
a convolution copies the window of every cell. Scoring runs the circuit on the host's pictures.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

from workbench.spec.language import INPUT, Family, Table
from workbench.spec.partial import known
from workbench.spec.problems import Fault
from workbench.spec.reads import FROM_CIRCUIT, Families, axis_sizes, grid_px

SIZE_PX = 96  # of an ideal stimulus: it holds the receptive field of any family up to a curve's
TURNS = 4  # ideal stimuli of a family, whose drive is their mean: they fall differently on a grid
CHUNK = 4  # pictures that a circuit is run on: 144 filters at stride 2 give 7 MB for one
BYTES = 2 << 30  # at once: the responses, and the largest convolution or the largest kernel
WORK = 10**11  # multiplications to compile a theory: minutes
COPIES = 8  # of a kernel while it is computed
OPERATIONS = 100  # for each number of a kernel, by each term
DOUBLE, SINGLE = 8, 4  # bytes


class Sizes(NamedTuple):
    """The sizes of pictures: of ideal stimuli, and of the host's own, None where there is none."""

    ideal_px: int = SIZE_PX
    host_px: int | None = None


DRAWN = Sizes()  # no host is known


class Cost(NamedTuple):
    """The bytes and multiplications of one read."""

    bytes: int
    work: int
    shape: str


def size_faults(families: Families, units: int, sizes: Sizes = DRAWN) -> Iterator[Fault]:
    """A fault for each family that takes too much memory, and one for too much work in all.

    `units` is the number of units of a from-circuit family. A family that is None is faulty: it is
    not counted, nor what reads it, nor the work in all.
    """
    work, last, host_px = 0, list(families)[-1], sizes.host_px
    valid = {
        name: family
        for name, family in families.items()
        if family and known(family, "poses", "window_px", "stride_px", "pool")
    }
    for name, family in valid.items():
        for source in family.reads:
            read = valid.get(source)
            if read is None and source != INPUT:
                continue
            cost = read_cost(family, source, read, units, None if name == last else sizes.ideal_px)
            work += cost.work
            if cost.bytes > BYTES:
                yield _too_large(name, f"compiling takes {_gib(cost.bytes)} ({cost.shape})")
        count = response_bytes(family, units, host_px) if host_px and family.stride_px else 0
        if count > BYTES:
            yield _too_large(name, f"its responses to {CHUNK} pictures take {_gib(count)}")
    if work > WORK and len(valid) == len(families):
        shown = f"families that take {work:.1e} multiplications to compile"
        advice = "Use smaller windows, fewer poses, or wider strides."
        yield Fault("too-large", ("families",), shown, f"at most {WORK:.1e}", advice)


def read_cost(
    family: Family, source: str, read: Family | None, units: int, ideal_px: int | None
) -> Cost:
    """The cost of compiling one read, `read` being the family `source`, None for the picture.

    The family is run on cells all over ideal stimuli of `ideal_px`, or on one cell if that is None.
    """
    step_px = (grid_px(read) if read else 1) or 1
    inputs, outputs = (_count(read, units) if read else 3), _count(family, units)
    side = 2 * math.floor(family.window_px / 2 / step_px) + 1
    cells = 1 if ideal_px is None else math.ceil(ideal_px / (family.stride_px or 1))
    kernel, window = outputs * inputs * side**2, inputs * side**2 * cells**2
    count = DOUBLE * (TURNS * (window + outputs * cells**2) + COPIES * kernel)
    singles = sum(len(term.weights) for term in family.reads[source] if isinstance(term, Table))
    made = kernel * OPERATIONS * len(family.reads[source]) + singles * outputs * inputs
    shape = (
        f"{outputs:,} units x {inputs:,} of {source!r} x {side} x {side}, "
        f"on {cells} x {cells} cells"
    )
    return Cost(count, TURNS * outputs * window + made, shape)


def response_bytes(family: Family, units: int, size_px: int) -> int:
    """The bytes of a family's responses to CHUNK pictures of `size_px`, in float32."""
    cells = math.ceil(size_px / (family.stride_px or 1))
    return SINGLE * CHUNK * _count(family, units) * cells**2


def _count(family: Family, units: int) -> int:
    return math.prod(axis_sizes(family).values()) * (units if family.poses == FROM_CIRCUIT else 1)


def _gib(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB"


def _too_large(name: str, shown: str) -> Fault:
    most = f"at most {_gib(BYTES)}"
    advice = "Lower window_px or the number of poses, or raise stride_px."
    return Fault("too-large", ("families", name, "window_px"), shown, most, advice)
