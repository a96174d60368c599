"""A theory in plain English, with its numbers.

The sentences are made from the spec alone, in the same way for every theory.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workbench.report.glyphs import pose_text
from workbench.spec.language import (
    INPUT,
    Blob,
    Family,
    Gabor,
    Number,
    Pose,
    Poses,
    Reading,
    Table,
    Term,
    Theory,
)
from workbench.spec.problems import key_text

AXES = {
    "orientation_deg": "orientations",
    "centre_deg": "directions of the centre of curvature",
    "phase_deg": "phases",
}
ACROSS = {"orientation_deg": "orientation", "centre_deg": "direction", "phase_deg": "phase"}
WANTED = {
    "tangent": "running along the feature",
    "normal": "crossing the feature at right angles",
    "same": "curving the same way as the feature",
    "opposite": "curving the opposite way",
}
TURNED: Mapping[str | None, tuple[str, ...]] = {
    None: (),
    "with": (", only those turned the way that the arc turns",),
    "against": (", only those turned against the way that the arc turns",),
}


@dataclass(frozen=True)
class Quantity:
    """A number of the spec.

    kind  "constant", "tunable" (may be fitted, but was not) or "tuned"
    note  its bounds, and its value before tuning
    """

    text: str
    kind: str = "constant"
    note: str = ""


Sentence = tuple[str | Quantity, ...]


@dataclass(frozen=True)
class FamilyWords:
    """The sentences about one family of a theory."""

    name: str
    sentences: tuple[Sentence, ...]


def theory_words(theory: Theory) -> tuple[FamilyWords, ...]:
    """Every family in order: its poses, what it reads and how, and how the sum is used."""
    writer = Writer(theory)
    return tuple(
        FamilyWords(name, tuple(writer.family(name, family)))
        for name, family in theory.families.items()
    )


def plain(sentence: Sentence) -> str:
    """A sentence as text; numbers that were tuned are followed by an asterisk."""
    return "".join(
        part if isinstance(part, str) else part.text + "*" * (part.kind == "tuned")
        for part in sentence
    )


class Writer:
    """Writes the sentences about a theory's families.

    tuned    whether the theory was tuned
    written  the numbers before tuning, by their path in the spec
    """

    def __init__(self, theory: Theory) -> None:
        self.theory = theory
        self.tuned = theory.tuned is not None
        self.written: Mapping[str, float] = theory.tuned.written if theory.tuned else {}

    def quantity(self, number: Number, path: tuple, unit: str = "") -> Quantity:
        """A number with its unit and its kind."""
        text = value_text(number.tune) + unit
        if number.min is None or number.max is None:
            return Quantity(text)
        bounds = f"between {value_text(number.min)} and {value_text(number.max)}"
        if not self.tuned:
            return Quantity(text, "tunable", f"may be tuned {bounds}; here as written")
        before = self.written.get(key_text(path))
        return Quantity(
            text,
            "tuned",
            f"tuned {bounds}" + ("" if before is None else f"; written as {value_text(before)}"),
        )

    def family(self, name: str, family: Family) -> Iterator[Sentence]:
        """The sentences about one family."""
        path = ("families", name)
        yield poses_sentence(family)
        for source, terms in family.reads.items():
            for i, term in enumerate(terms):
                yield self._read(source, term, (*path, "reads", source, i))
        if family.rectify == "full":
            yield ("The absolute value of the sum is used.",)
        if family.normalise:
            floor = self.quantity(family.normalise.floor, (*path, "normalise", "floor"))
            across = ACROSS.get(family.normalise.across, family.normalise.across)
            yield (
                "The sum is divided by ",
                floor,
                f" plus its mean over units that differ in {across} only.",
            )
        if family.ideal:
            fine, coarse = f"{family.ideal.fine_px:g} px", f"{family.ideal.coarse_px:g} px"
            yield (
                f"Their ideal stimulus is an edge between gratings of {fine}, on the side of the "
                f"centre, and of {coarse}.",
            )
        if family.threshold.tune or family.threshold.tuned:
            threshold = self.quantity(family.threshold, (*path, "threshold"))
            yield (
                "A unit is silent below ",
                threshold,
                " of its response to its own ideal stimulus.",
            )
        if family.pool:
            yield (
                f"Then the strongest response within {family.pool.over_px:g} px, on a grid of "
                f"{family.pool.stride_px} px.",
            )

    def _read(self, source: str, term: Reading, path: tuple) -> Sentence:
        if isinstance(term, Gabor):
            return self._gabor(term, path)
        if isinstance(term, Blob):
            return self._blob(term, path)
        return (
            self._table(source, term, path)
            if isinstance(term, Table)
            else self._term(source, term, path)
        )

    def _gabor(self, kernel: Gabor, path: tuple) -> Sentence:
        return (
            "They read the picture through Gabor filters: wavelength ",
            self.quantity(kernel.wavelength_px, (*path, "wavelength_px"), " px"),
            ", envelope ",
            self.quantity(kernel.sigma_px, (*path, "sigma_px"), " px"),
            ", aspect ",
            self.quantity(kernel.aspect, (*path, "aspect")),
            ".",
        )

    def _blob(self, kernel: Blob, path: tuple) -> Sentence:
        return (
            "They read the picture through Gaussian spots: width ",
            self.quantity(kernel.sigma_px, (*path, "sigma_px"), " px"),
            ", gain ",
            self.quantity(kernel.gain, (*path, "gain")),
            ".",
        )

    def _term(self, source: str, term: Term, path: tuple) -> Sentence:
        gain: Sentence = (
            (", with gain ", self.quantity(term.gain, (*path, "gain")))
            if term.gain.tune != 1 or term.gain.tuned
            else ()
        )
        place = self._place(term, path)
        match = (*place, *self._falloff(term, path), *gain, *self._by(source, term, path))
        colour = ", each channel by the unit's own part of it" if term.colour else ""
        return (f"They read {source} units ", *match, *self._powers(term, path), f"{colour}.")

    def _powers(self, term: Term, path: tuple) -> Sentence:
        words: list[str | Quantity] = []
        for key, size in {"radius_power": "relative radius", "scale_power": "scale"}.items():
            if (power := getattr(term, key)) is not None:
                words += [
                    f", times the unit's {size} to the power ",
                    self.quantity(power, (*path, key)),
                ]
        return tuple(words)

    def _table(self, source: str, table: Table, path: tuple) -> Sentence:
        read = "the picture" if source == INPUT else f"{source} units"
        words: list[str | Quantity] = [
            f"They read {read} by weights set one by one, in the picture's axes"
        ]
        for i, entry in enumerate(table.weights):
            x, y = map(value_text, entry.at_px)
            weight = self.quantity(entry.weight, (*path, "weights", i, "weight"))
            words += [
                "; " if i else ": ",
                weight,
                f" from {_pose_text(entry.from_)} at ({x}, {y}) px to {_pose_text(entry.to)}",
            ]
        return (*words, ".")

    def _place(self, term: Term, path: tuple) -> Sentence:
        lengths = {
            name: self.quantity(length, (*path, name), " px")
            for name in ("radius_px", "distance_px", "spread_px", "extent_px")
            if (length := getattr(term, name)) is not None
        }
        leads: dict[str, Sentence] = {
            "point": ("at the same place",),
            "line": ("along their own tangent",),
            "flanks": ("next to them at ", lengths.get("distance_px", ""), " on both sides"),
            "ends": (
                "beyond both of their ends at ",
                lengths.get("distance_px", ""),
                " along the tangent",
            ),
            "inside": (
                "inside their curve, ",
                lengths.get("distance_px", ""),
                " towards its centre",
            ),
            "outside": (
                "outside their curve, ",
                lengths.get("distance_px", ""),
                " away from its centre",
            ),
            "arc": ("along an arc of radius ", lengths.get("radius_px", "")),
            "ring": ("on a ring of radius ", lengths.get("radius_px", "")),
        }
        sizes: list[str | Quantity] = []
        for name, word in (("spread_px", "spread "), ("extent_px", "extent ")):
            if name in lengths:
                sizes += [", " if sizes else " (", word, lengths[name]]
        return (*leads[term.along], *sizes, *((")",) if sizes else ()))

    def _falloff(self, term: Term, path: tuple) -> Sentence:
        if term.match == "any":
            return (", in all poses equally",)
        return (*self._match(term, path), *TURNED[term.turned])

    def _match(self, term: Term, path: tuple) -> Sentence:
        if term.tolerance_deg is not None:
            return (
                f", those {WANTED[term.match]} to within ",
                self.quantity(term.tolerance_deg, (*path, "tolerance_deg"), "°"),
            )
        if term.profile is not None:
            points: list[str | Quantity] = []
            for i, (off_deg, weight) in enumerate(term.profile):
                points += [
                    ", " if i else "",
                    self.quantity(weight, (*path, "profile", i, 1)),
                    f" at {value_text(off_deg)}°",
                ]
            return (", weighted by ", *points, f" from {WANTED[term.match]}")
        words: list[str | Quantity] = [", weighted by "]
        for k, coefficient in enumerate(term.harmonics or ()):
            wave = "" if k == 0 else " cos δ" if k == 1 else f" cos {k}δ"
            words += [" + " if k else "", self.quantity(coefficient, (*path, "harmonics", k)), wave]
        return (*words, f", δ from {WANTED[term.match]}")

    def _by(self, source: str, term: Term, path: tuple) -> Sentence:
        words: list[str | Quantity] = []
        poses = self.theory.families[source].poses
        for axis, gains in term.by.items():
            values = (
                poses.axes().get(axis, range(len(gains)))
                if isinstance(poses, Poses)
                else range(len(gains))
            )
            for i, (value, gain) in enumerate(zip(values, gains, strict=False)):
                words += [
                    "; " if i == 0 else ", ",
                    f"{pose_text(axis, value)} counts ",
                    self.quantity(gain, (*path, "by", axis, i)),
                ]
        return tuple(words)


def poses_sentence(family: Family) -> Sentence:
    """The sentence about a family's number of units, their poses, their grid and their window."""
    grid = f"one at every {family.stride_px} px" if family.stride_px else "on the host's own grid"
    reach = f"each reads a window of {family.window_px:g} px"
    if not isinstance(family.poses, Poses):
        return (
            f"One unit for each trained unit, at its pose in the circuit file; {grid}; {reach}.",
        )
    axes = family.poses.axes()
    count = 1
    for values in axes.values():
        count *= len(values)
    listed = " × ".join(_axis_text(axis, values) for axis, values in axes.items())
    return (f"{count} units: {listed}; {grid}; {reach}.",)


def value_text(value: float) -> str:
    """Up to four digits and a true minus sign."""
    return f"{value:.4g}".replace("-", "−")


def _pose_text(pose: Pose) -> str:
    return " ".join(pose_text(axis, value) for axis, value in pose.axes().items()) or "all"


def _axis_text(axis: str, values: tuple) -> str:
    if axis in AXES and len(values) > 1:
        return f"{len(values)} {AXES[axis]} (every {values[1] - values[0]:g}°)"
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return f"{axis} {', '.join(texts)}"
