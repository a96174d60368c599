"""A circuit file of a transformer: the host's own heads and neurons that a theory explains.

It also names the prompts that its figures are measured on.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from workbench.spec.number import ENTRIES, Name, RefusedError, Strict


def _head_name(name: str) -> str:
    if not re.fullmatch(r"(0|[1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})", name):
        raise RefusedError("wrong-name", "LAYER.HEAD, both from 0, as in '0.2'")
    return name


HeadName = Annotated[
    str, AfterValidator(_head_name), Field(description="layer.head, both from 0, as in 0.2")
]
Count = Annotated[int, Field(ge=1, le=4096)]


class PairPrompts(Strict):
    """All pairs of numbers `a b =`, read at the last place.

    `share` of them, chosen by the seed, calibrate; the figures are of the others.
    """

    kind: Literal["pairs"]
    modulus: Annotated[int, Field(ge=2, le=4096)]
    operation: Literal["addition", "subtraction"] = "addition"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.3


class RepeatPrompts(Strict):
    """Random strings that occur `times` times at random places of a random sequence.

    They are read inside the second and later occurrences, where the next token is known.
    """

    kind: Literal["repeats"]
    vocabulary: Annotated[int, Field(ge=2, le=4096)]
    length: Count
    string: Annotated[int, Field(ge=3, le=4096)]
    times: Annotated[int, Field(ge=2, le=16)]
    count: Count = 512
    calibrate_on: Count = 256

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (places := self.times * self.string) > self.length:
            shown = f"{self.times} strings of {self.string}"
            raise RefusedError("conflict", f"a length of {places} or more for {shown}")
        return self


class SamplePrompts(Strict):
    """The network's own samples at temperature 1, read after the first `skip` places."""

    kind: Literal["samples"]
    length: Count
    skip: Annotated[int, Field(ge=0)] = 8
    count: Count = 64
    calibrate_on: Count = 40

    @model_validator(mode="after")
    def _scored(self) -> Self:
        if self.skip > self.length - 2:
            raise RefusedError("conflict", f"a length of {self.skip + 2} or more after {self.skip}")
        return self


class TextPrompts(Strict):
    """Sentences of a text file, `length` tokens each."""

    kind: Literal["texts"]
    length: Count
    count: Count = 32
    calibrate_on: Count = 32


def _kind(prompts: Any) -> str:
    kind = prompts.get("kind") if isinstance(prompts, Mapping) else getattr(prompts, "kind", "")
    return f"({kind})"


PromptSet = Annotated[
    Annotated[PairPrompts, Tag("(pairs)")]
    | Annotated[RepeatPrompts, Tag("(repeats)")]
    | Annotated[SamplePrompts, Tag("(samples)")]
    | Annotated[TextPrompts, Tag("(texts)")],
    Discriminator(
        _kind,
        custom_error_type="prompt_kind",
        custom_error_message="a mapping with kind: pairs, repeats, samples or texts",
    ),
]


class CircuitFamily(Strict):
    """The host's units of one family of the theory.

    heads      of a family of heads
    frequency  of neurons, and of heads whose scores have waves of numbers: those of the circles
    numbers    of numbers: how many there are; the tokens 0 to numbers - 1 stand for them
    layer      of neurons: the block they are in
    """

    heads: Annotated[tuple[HeadName, ...], Field(min_length=1)] | None = None
    frequency: Annotated[tuple[Count, ...], Field(min_length=1)] | None = None
    numbers: Count | None = None
    layer: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _once(self) -> Self:
        for key in ("heads", "frequency"):
            values = getattr(self, key) or ()
            if len(set(values)) < len(values):
                raise RefusedError("conflict", f"each of {key} once")
        return self

    @property
    def by_layer(self) -> dict[int, tuple[int, ...]]:
        """The heads of each layer, in the order of the file."""
        places = [tuple(map(int, head.split("."))) for head in self.heads or ()]
        return {
            layer: tuple(head for at, head in places if at == layer)
            for layer in dict.fromkeys(layer for layer, _ in places)
        }


class TokenCircuit(Strict):
    """Units of a transformer, family by family, and the prompts of its figures."""

    circuit: Annotated[str, Field(min_length=1)]
    input: Literal["tokens"]
    host: str
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    about: str = ""
    prompts: PromptSet
    families: Annotated[dict[Name, CircuitFamily], Field(min_length=1, max_length=ENTRIES)]

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's content, whatever its layout; `about` does not count."""
        text = self.model_dump_json(exclude={"about"}, exclude_none=True)
        return hashlib.sha256(text.encode()).hexdigest()
