"""Changes of a theory of tokens: variants, which are scored, and the edits of claims."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workbench.spec.changes import Bounded, Changed, FamilyNames
from workbench.spec.number import Name, RefusedError, Strict

OVERLAP_FIGURE, RECOVERED_FIGURE = "pattern_overlap", "recovered"


class OtherUnits(Strict):
    """How the units of a variant differ from those of the circuit file.

    frequency_higher_by  every frequency of neurons is so much higher
    """

    frequency_higher_by: Annotated[int, Field(ge=1, le=4096)] | None = None


class TokenVariant(Changed):
    """A named change of the theory, scored in the same run to show how much depends on it."""

    units: OtherUnits = OtherUnits()

    @model_validator(mode="after")
    def _changes(self) -> Self:
        if not self.set and self.units == OtherUnits():
            raise RefusedError("missing-key", "set or units: what the variant changes")
        return self


class TokenEdit(Strict):
    """The edit of a claim: exactly one of `uniform` and `splice`.

    uniform  families of heads that attend to every key alike, in the trained network and in the
             handwritten circuit
    splice   the part of the theory that is put in the trained one's place
    variant  with `splice`: the part is that of this variant, compared with the theory's
    control  with `splice`: the part is that of this control, as in score.json: `shifted`
    """

    uniform: FamilyNames | None = None
    splice: Name | None = None
    variant: Name | None = None
    control: Name | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.uniform is None) == (self.splice is None):
            raise ValueError("exactly one of uniform and splice")
        if (self.variant or self.control) and not self.splice:
            raise RefusedError("conflict", "variant and control with splice: whose part it is")
        if self.variant and self.control:
            raise RefusedError("conflict", "a variant or a control")
        return self


class TokenExpect(Bounded):
    """The predicted outcome of an edit: a figure, and a bound of it or of its change.

    figure  of the answers, as in score.json; `recovered` of the cheapest ablation of the spliced
            part; `pattern_overlap` with the trained patterns of the heads of the family `of`
    """

    figure: Literal[
        "kl",
        "top1_agreement",
        "soft_kl",
        "logit_r2",
        "distance",
        "loss",
        "accuracy",
        "recovered",
        "pattern_overlap",
    ]
    of: Name | None = None

    @model_validator(mode="after")
    def _of_heads(self) -> Self:
        if (self.of is not None) != (self.figure == OVERLAP_FIGURE):
            raise RefusedError("conflict", "of for figure: pattern_overlap, and for no other")
        return self


class TokenClaim(Strict):
    """A prediction of what an edit does, whose values are plain, as those of a variant."""

    about: Annotated[
        str, Field(min_length=1, description="the claim in words, and why the theory implies it")
    ]
    edit: TokenEdit
    expect: TokenExpect

    @model_validator(mode="after")
    def _of_a_splice(self) -> Self:
        if self.expect.figure == RECOVERED_FIGURE and self.edit.splice is None:
            raise RefusedError("conflict", "recovered with splice: the share that a part recovers")
        return self
