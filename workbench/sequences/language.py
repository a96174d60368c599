"""The language of theories of transformers: the classes that define the content of a YAML file.

A theory of pictures reads the picture through kernels and places; a theory of tokens reads tokens
through places of a sequence. The rule is one: `gain * place * match` (docs/sequences.md).

Places of a sequence count from 0, offset = query place - key place. Number n stands at 360 k n / p
degrees on the circle of frequency k, where p is the count of numbers.
"""

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from workbench.sequences.changes import TokenClaim, TokenVariant
from workbench.spec.family import Steps
from workbench.spec.number import ENTRIES, Name, Number, RefusedError, Strict

CALIBRATED = "calibrated"
Gain = Annotated[
    Annotated[Number, Tag("(number)")] | Annotated[Literal["calibrated"], Tag("(word)")],
    Discriminator(lambda gain: "(word)" if isinstance(gain, str) else "(number)"),
]
# units -> the keys that a family of them needs, and those that it may have
KEYS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "heads": (("looks",), ("fitted_to",)),
    "numbers": ((), ()),
    "neurons": (("poses", "reads", "phases"), ()),
    "answers": (("reads",), ("means", "fitted_to")),
}
CHOICES = ("poses", "phases", "looks", "fitted_to", "reads", "means")


Frequencies = Annotated[
    Annotated[Literal["from-circuit"], Tag("(word)")]
    | Annotated[tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1), Tag("(list)")],
    Discriminator(lambda given: "(word)" if isinstance(given, str) else "(list)"),
]


class Look(Strict):
    """A term of a head's score: how much a query looks at a key, before the softmax.

    place   offset: the key `at` places before the query (after it, if negative); distance:
            log(1 + the distance); first, last: the first, the last place; after: every place after
            the query; any: every place
    match   same: the token at the query is the token at the key (`of: input`), or the token that a
            family of heads carried there (`of: FAMILY`), or the number at the key is at the head's
            phase (`of: NUMBERS`); any: every token
    frequency, phase_deg
            of numbers: a wave, cos(angle of the key's number - phase), on each of these circles.
            Where gain and phase are `calibrated`, each head has two numbers for each frequency
    queries_before, keys_before
            a gate: only queries, or keys, at places before this one. Places are not all alike then,
            so its numbers count as exceptions
    """

    place: Literal["any", "offset", "distance", "first", "last", "after"] = "any"
    at: Annotated[int, Field(ge=-1024, le=1024)] | None = None
    match: Literal["any", "same"] = "any"
    of: Name | None = None
    frequency: Frequencies | None = None
    phase_deg: Gain | None = None
    gain: Gain
    queries_before: Number | None = None
    keys_before: Number | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.place == "offset") != (self.at is not None):
            raise RefusedError("conflict", "at for place: offset, and for no other place")
        if (self.match == "same") != (self.of is not None):
            raise RefusedError("conflict", "of for match: same, and for no other match")
        if (self.frequency is None) != (self.phase_deg is None):
            raise RefusedError("conflict", "both frequency and phase_deg, or neither")
        if self.phase_deg and (self.phase_deg == CALIBRATED) != (self.gain == CALIBRATED):
            raise RefusedError("conflict", "gain and phase_deg both calibrated, or neither")
        if self.place == self.match == "any" and self.keys_before is None:
            raise RefusedError(
                "conflict",
                "a place, a match or keys_before: a score that is the same for every key does "
                "nothing",
            )
        return self


class TokenRead(Strict):
    """A term of what neurons or answers read.

    match      same: the pose of the unit itself (a number's angle, a token); any: every pose alike
    harmonics  weights of cos(k * difference of poses), for k = 0, 1, ...; of families with angles
    places     the places of the sequence that are read, whose terms add up; of `numbers`
    through    a family of heads: a place counts by their mean attention to it, times the count of
               places; of `numbers`. Without it each place counts 1
    gain       calibrated: one for each frequency, fitted on calibration prompts
    """

    match: Literal["same", "any"]
    harmonics: Annotated[tuple[Number, ...], Field(max_length=12)] = ()
    places: tuple[Annotated[int, Field(ge=0)], ...] = ()
    through: Name | None = None
    gain: Gain = Number(tune=1.0)


class NeuronPoses(Strict):
    """The axes of neurons: each combination of a frequency and a phase is one."""

    frequency: Frequencies
    phase_deg: Steps


class TokenFamily(Strict):
    """Units that are copies of one feature, and what they read.

    heads    attention heads; `looks` adds up to the score, and the softmax follows. Calibrated
             gains are fitted to the heads' own patterns, or, with `fitted_to: answers`, to what the
             network answers with these heads handwritten
    numbers  tokens that stand for numbers on circles
    neurons  `max(0, drive)`; the phases of the numbers they read are `added` or `subtracted`
    answers  the logits; one unit for each token. `means: calibrated` gives each the mean of the
             trained logits over calibration prompts. Calibrated gains are fitted to the logits that
             the trained part adds, or, with `fitted_to: answers`, to what the network answers
    """

    units: Literal["heads", "numbers", "neurons", "answers"]
    poses: NeuronPoses | None = None
    phases: Literal["added", "subtracted"] | None = None
    looks: Annotated[tuple[Look, ...], Field(max_length=24)] = ()
    fitted_to: Literal["patterns", "answers"] | None = None
    reads: dict[Name, TokenRead] = Field(default={})
    means: Literal["calibrated"] | None = None

    @model_validator(mode="after")
    def _keys(self) -> Self:
        needs, may = KEYS[self.units]
        if missing := [key for key in needs if not getattr(self, key)]:
            raise RefusedError(
                "missing-key", f"{' and '.join(missing)}, which units: {self.units} needs"
            )
        extra = [key for key in CHOICES if getattr(self, key) and key not in (*needs, *may)]
        if extra:
            raise RefusedError(
                "conflict", f"no {' and no '.join(extra)}, which units: {self.units} does not take"
            )
        gains = [*(look.gain for look in self.looks), *(read.gain for read in self.reads.values())]
        if self.fitted_to and CALIBRATED not in gains:
            raise RefusedError("conflict", "fitted_to where a gain is calibrated")
        if self.fitted_to == "patterns" and self.units != "heads":
            raise RefusedError("conflict", "fitted_to: answers, or none: it has no patterns")
        return self

    @property
    def fitted_to_answers(self) -> bool:
        """Whether calibrated gains are fitted to the network's answers."""
        return self.fitted_to == "answers"


class TokensTuned(Strict):
    """The record that `workbench tune` writes: what the values of `{tune: ...}` were fitted on.

    The prompts are the calibration prompts of the circuit at this seed, so they can be made again.
    """

    host: str
    circuit: Annotated[str, Field(description="SHA-256 of the circuit's content")]
    prompts: Annotated[str, Field(description="SHA-256 of the set of prompts")]
    count: int
    seed: int
    steps: int
    rate: float
    loss: Annotated[
        tuple[float, float],
        Field(description="mean KL at the scored places of the tuning prompts, before and after"),
    ]
    written: Annotated[dict[str, float], Field(description="key -> the value before tuning")]


class TokenTheory(Strict):
    """A theory of a transformer: families in order, each reading the tokens or families above."""

    theory: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    input: Literal["tokens"]
    about: str = ""
    source: tuple[str, ...] = ()
    families: Annotated[dict[Name, TokenFamily], Field(min_length=1, max_length=ENTRIES)]
    variants: dict[Name, TokenVariant] = Field(default={}, max_length=ENTRIES)
    claims: dict[Name, TokenClaim] = Field(default={}, max_length=ENTRIES)
    tuned: TokensTuned | None = None

    def of_units(self, units: str) -> dict[str, TokenFamily]:
        """The families of these units, by name."""
        return {name: family for name, family in self.families.items() if family.units == units}
