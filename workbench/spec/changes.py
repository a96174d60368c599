"""Changes of a theory: variants, which are compiled and scored, and the edits of claims."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from workbench.spec.number import ENTRIES, Name, RefusedError, Strict, listed


def _constant(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_constant, value))
    if value is not None and not isinstance(value, (int, float, str)):
        raise RefusedError(
            "wrong-type",
            "a number, a word, a list of them, or null: a variant's values are constants",
        )
    return value


Constant = Annotated[
    Any, AfterValidator(_constant), WithJsonSchema({"type": ["number", "string", "array", "null"]})
]


class Alike(Strict):
    """The properties in which a variant makes all units of the last family alike.

    Every other property of a unit stays as the survey, or tuning, left it.

    shift_px    none: each unit stands at its own cell
    radius_px   mean: each has the family's geometric mean; so `scale`
    gain        shared: calibration fits one gain for all of them, and a bias for each
    """

    shift_px: Literal["none"] | None = None
    radius_px: Literal["mean"] | None = None
    scale: Literal["mean"] | None = None
    gain: Literal["shared"] | None = None


class Changed(Strict):
    """A named change of a theory, of pictures or of tokens.

    Its values are plain, so that no number in it counts or is tuned.
    """

    about: Annotated[
        str,
        Field(min_length=1, description="what is changed, in a few words, as the report prints it"),
    ]
    set: dict[str, Constant] = Field(
        default={},
        max_length=ENTRIES,
        description="key of the theory -> its value in the variant: "
        "{families.line.reads.gabor[1].gain: 0}",
    )


class Variant(Changed):
    """A named change of the theory, compiled and scored to show how much the theory depends on it.

    Its values are plain, so that no number in it counts or is tuned.
    """

    units: Alike = Alike()

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if not self.set and self.units == Alike():
            raise RefusedError("missing-key", "set or units: what the variant changes")
        return self


FamilyNames = Annotated[tuple[Name, ...], Field(min_length=1), BeforeValidator(listed)]


class Edit(Strict):
    """Takes weights from families to the last family away (`without`), or keeps no others (`only`).

    `sign` restricts the named families to their weights of one sign. `input` is the picture.
    """

    without: FamilyNames | None = None
    only: FamilyNames | None = None
    sign: Literal["positive", "negative"] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.without is None) == (self.only is None):
            raise ValueError("exactly one of without and only")
        return self

    @property
    def families(self) -> tuple[str, ...]:
        """The families that the edit names."""
        return self.without or self.only or ()


# comparison -> whether it is so of a figure before, after, and a bound; never of one that is NaN
HOLDS: Mapping[str, Callable[[Any, Any, float], Any]] = {
    "above": lambda before, after, bound: after > bound,
    "below": lambda before, after, bound: after < bound,
    "rises_by": lambda before, after, bound: after - before > bound,
    "falls_by": lambda before, after, bound: before - after > bound,
}
COMPARISONS = tuple(HOLDS)


class Bounded(Strict):
    """A bound of a figure after an edit (above, below), or of its change (rises_by, falls_by)."""

    above: float | None = None
    below: float | None = None
    rises_by: Annotated[float, Field(ge=0)] | None = None
    falls_by: Annotated[float, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if sum(getattr(self, name) is not None for name in COMPARISONS) != 1:
            raise ValueError(f"exactly one of {', '.join(COMPARISONS)}")
        return self

    @property
    def comparison(self) -> tuple[str, float]:
        """The comparison that is given, and its number."""
        return next(
            (name, value) for name in COMPARISONS if (value := getattr(self, name)) is not None
        )


class Expect(Bounded):
    """The predicted outcome of an edit: a figure of the units' tuning, and a bound of it.

    figure   echo and width_deg as the scorecard has them; peak: highest response over the unedited
             unit's
    radius   of the arcs: the smallest, the largest, or the mean over all of them
    of       the mean of the units, or every unit
    above, below, rises_by, falls_by   exactly one: a bound of the figure, or of its change
    """

    figure: Literal["echo", "width_deg", "peak"]
    radius: Literal["mean", "smallest", "largest"] = "mean"
    of: Literal["mean", "every"] = "mean"


class Claim(Strict):
    """A prediction of what an edit of the circuit does.

    It is tested in the trained and in the handwritten units. Its values are plain, as those of a
    variant.
    """

    about: Annotated[
        str, Field(min_length=1, description="the claim in words, and why the theory implies it")
    ]
    edit: Edit
    expect: Expect
