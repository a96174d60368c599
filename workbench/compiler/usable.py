"""Whether a compiled circuit can be run: finite weights, and units that something drives."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from workbench.arrays import Array, to_numpy
from workbench.compiler.circuit import HOST, Layer
from workbench.compiler.layer import Value, read_weights
from workbench.errors import WorkbenchError
from workbench.spec.language import Blob, Gabor, Reading, Table, Theory, numbers
from workbench.spec.problems import key_text
from workbench.theory.poses import Units
from workbench.theory.rule import gabor_contrast

# of a unit's summed weights and of a family's constants: float32, in which circuits run, has room
# for responses above it, and does not round a weight below the smallest to 0
LARGEST, SMALLEST = 1e30, 1e-30
FAINTEST = 1e-9  # contrast of a kernel, which float64 rounds to 1e-16
LISTED = 6  # units that a message lists


@dataclass(frozen=True)
class _Placed:
    """A term of a layer's read: its key, the units, their window, and the term's weights alone."""

    key: str
    term: Reading
    units: Units
    window_px: float
    weight: Array

    def refuse(self, problem: str, which: Bool[np.ndarray, " unit"], value: Value) -> None:
        """Raise WorkbenchError for `which` units, if there is one, with the term's numbers."""
        if not which.any():
            return
        constants = {"window_px": self.window_px} | {
            key_text(path): float(value(number)) for path, number in numbers(self.term)
        }
        listed = ", ".join(f"{name} {number:g}" for name, number in constants.items())
        raise WorkbenchError(
            self.key,
            f"{problem} of {_listed(self.units, which)}",
            "weights that its numbers and the units' poses give",
            f"Its numbers: {listed}.",
        )


def refuse_unusable(where: str, theory: Theory, layers: Sequence[Layer], value: Value) -> None:
    """Refuse layers that cannot be run; `where` is how messages begin.

    `value` gives the array for each Number of the theory. Raises WorkbenchError for a term whose
    weights are not finite in float32, are only rounding, or are 0 although its constants are not;
    for a family that its ideal stimulus drives to 0 or less; and for a unit of the last family
    whose weights are all 0, unless a table leaves it out.
    """
    above: dict[str, Layer] = {}
    for layer in layers:
        at = f"{where}families.{layer.family}"
        for placed in _terms(at, theory, layer, above, value):
            size = _size(placed.weight)
            placed.refuse("weights that are not finite", ~(size < LARGEST), value)
            if isinstance(placed.term, Gabor):
                faint = ~(_contrast(placed, placed.term, value) > FAINTEST)
                placed.refuse("a kernel that is only rounding", faint, value)
            if _is_meant(placed.term, value):
                none = np.full(len(size), not (size > SMALLEST).any())
                placed.refuse("no weight that is not 0", none, value)
        _refuse_undriven(at, layer)
        above[layer.family] = layer
    for layer in layers[-1:]:
        _refuse_silent(where, theory, layer)


def _terms(
    at: str, theory: Theory, layer: Layer, above: dict[str, Layer], value: Value
) -> Iterator[_Placed]:
    """The terms of a layer; none of one that is read off the host."""
    family = theory.families[layer.family]
    for read in layer.reads:
        terms = () if read.source.startswith(HOST) else family.reads[read.source]
        for i, term in enumerate(terms):
            upstream = above.get(read.source)
            alone = (
                read.weight
                if len(terms) == 1
                else read_weights(family, layer.units, upstream, (term,), value, read.weight)
            )
            key = f"{at}.reads.{read.source}" + (f"[{i}]" if len(terms) > 1 else "")
            yield _Placed(key, term, layer.units, family.window_px, alone)


def _size(weight: Array) -> Float[np.ndarray, " unit"]:
    """The sum of each unit's absolute weights."""
    with np.errstate(all="ignore"):
        return np.abs(to_numpy(weight)).sum(axis=(1, 2, 3), dtype=np.float64)


def _contrast(placed: _Placed, term: Gabor, value: Value) -> Float[np.ndarray, " unit"]:
    wavelength_px, sigma_px, aspect = map(value, (term.wavelength_px, term.sigma_px, term.aspect))
    like = placed.weight
    return to_numpy(
        gabor_contrast(placed.units, wavelength_px, sigma_px, aspect, placed.window_px, like)
    )


def _is_meant(term: Reading, value: Value) -> bool:
    """Whether a term must have weights: no constant that is 0 makes them 0.

    A point without a spread lies on a cell or, where units are shifted, on none.
    """
    if isinstance(term, Table):
        return any(float(value(entry.weight)) for entry in term.weights)
    if isinstance(term, Gabor):
        return True
    if isinstance(term, Blob):
        return bool(float(value(term.gain)))
    if term.along == "point" and term.spread_px is None:
        return False
    sums = [term.harmonics or (), [weight for _, weight in term.profile or ()], *term.by.values()]
    return bool(float(value(term.gain))) and all(
        any(float(value(number)) for number in factors) for factors in sums if factors
    )


def _refuse_undriven(at: str, layer: Layer) -> None:
    """Refuse a family that its ideal stimulus drives to 0 or less.

    Dividing by a drive below 0 would change every sign: a theory and its opposite would be the same
    weights. Raises WorkbenchError.
    """
    ideal = float(layer.ideal)
    if not ideal > 0:
        raise WorkbenchError(
            at,
            f"its own ideal stimulus drives it to {ideal:g}",
            "a drive above 0",
            "What it reads there must excite it more than inhibit it: "
            "look at its gains and harmonics.",
        )
    floor = float(layer.normalise.floor) if layer.normalise else 1.0
    for name, constant in (("its ideal stimulus's drive", ideal), ("normalise.floor", floor)):
        if not SMALLEST < constant < LARGEST:
            bounds = f"a number from {SMALLEST:g} to {LARGEST:g}"
            raise WorkbenchError(at, f"{name} is {constant:g}", bounds)


def _refuse_silent(where: str, theory: Theory, layer: Layer) -> None:
    """Refuse units of the last family that read nothing. Raises WorkbenchError."""
    reads = theory.families[layer.family].reads.values()
    tabled = any(isinstance(term, Table) for terms in reads for term in terms)
    size = np.sum([_size(read.weight) for read in layer.reads], axis=0)
    silent = ~(size > SMALLEST)
    if silent.all() or (silent.any() and not tabled):
        raise WorkbenchError(
            f"{where}families.{layer.family}",
            f"all weights are 0 of {_listed(layer.units, silent)}",
            "units that read something",
            "Look at its gains, and at lengths that are short compared with the units' shifts.",
        )


def _listed(units: Units, which: Bool[np.ndarray, " unit"]) -> str:
    names = [name for name, one in zip(units.names, which, strict=True) if one]
    more = ", …" if len(names) > LISTED else ""
    return f"{len(names)} of {len(units)} units ({', '.join(names[:LISTED])}{more})"
