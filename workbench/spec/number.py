"""Numbers and words of the spec language: the scalars that its other classes are made of."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)

ENTRIES = 100  # families, variants and claims of one theory, and keys that one variant sets


class RefusedError(ValueError):
    """A value that a validator refuses: the code of the problem, and what was expected."""

    def __init__(self, code: str, expected: str):
        self.code = code
        super().__init__(expected)


class Strict(BaseModel):
    """A frozen object of the language, without unknown keys, infinities or NaN."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Number(Strict):
    """A constant (`5`), or a value to be fitted within bounds (`{tune: 5, min: 3, max: 8}`)."""

    tune: float
    min: float | None = None
    max: float | None = None

    @property
    def tuned(self) -> bool:
        """Whether the number has bounds to be fitted within."""
        return self.min is not None

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float, Mapping, Number)):
            raise RefusedError("wrong-type", "a number, or {tune: 5, min: 3, max: 8}")
        return {"tune": value} if isinstance(value, (int, float)) else value

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if (self.min is None) != (self.max is None):
            raise RefusedError("missing-key", "both min and max, or neither")
        if self.min is not None and self.max is not None and not self.min <= self.tune <= self.max:
            raise RefusedError(
                "out-of-range",
                f"min <= tune <= max, not {self.min:g} <= {self.tune:g} <= {self.max:g}",
            )
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        bounded = handler.resolve_ref_schema(handler(schema))
        bounded["required"] = ["tune", "min", "max"]
        for key in ("min", "max"):
            bounded["properties"][key] = {"type": "number"}
        return {"anyOf": [{"type": "number"}, bounded]}


def _above_zero(number: Number) -> Number:
    if (number.min if number.min is not None else number.tune) <= 0:
        raise RefusedError("out-of-range", "a number (and its min) above 0")
    return number


Positive = Annotated[Number, AfterValidator(_above_zero)]
Pixels = Annotated[float, Field(gt=0, le=512)]
Scale = Annotated[float, Field(gt=0, le=8)]
Channel = Literal["luma", "red-green", "blue-yellow"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]


def listed(value: Any) -> Any:
    """A tuple of the items; one item that is written without its list counts as a list of one."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def numbers(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, Number]]:
    """Every Number below a language object with its path of keys, in the order of the fields."""
    if isinstance(value, Number):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if name in value.model_fields_set:
                yield from numbers(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from numbers(item, (*path, name))
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            yield from numbers(item, (*path, i))
