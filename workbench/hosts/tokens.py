"""Hosts over tokens: how prompts become their input, and how their logits are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.arrays import Array, array_namespace
from workbench.errors import WorkbenchError
from workbench.hosts.compared_logits import NaturalLogits
from workbench.hosts.output import NO_TARGET, Quantity
from workbench.hosts.temperature import unsure_temperature

NAMED = 3  # prompts that a message names

TOKEN_KL = Quantity(
    "kl", "KL", "KL(natural || condition) of the next token, nats", False, False, "kl"
)
TOKEN_AGREEMENT = Quantity(
    "agreement",
    "top-1 agree",
    "share of scored places whose first token is the natural one",
    True,
    False,
    "top1_agreement",
)
LOSS = Quantity("loss", "loss", "cross-entropy of the target, nats", False, True, "loss", True)
ACCURACY = Quantity(
    "accuracy",
    "accuracy",
    "share of scored places whose first token is the target",
    True,
    True,
    "accuracy",
    True,
)
LOGIT_R2 = Quantity(
    "logit_r2",
    "logit R2",
    "share of the natural logits' variance over the vocabulary that those of the condition explain",
    True,
    False,
    "logit_r2",
)
SOFT_KL = Quantity(
    "soft_kl",
    "soft KL",
    "KL(natural || condition) at a temperature where the natural network is unsure, nats",
    False,
    False,
    "soft_kl",
)
FITTED_SOFT_KL = Quantity(
    "fitted_soft_kl",
    "fitted soft KL",
    "as soft KL, with the condition's logits divided by a temperature of their own, which "
    "calibration prompts fit: their scale alone costs nothing",
    False,
    False,
    "fitted_soft_kl",
)


class Prompted(Protocol):
    """An item that is a prompt."""

    @property
    def name(self) -> str:
        """Its name, for messages."""

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens, from the first place to the last."""

    @property
    def targets(self) -> tuple[int, ...]:
        """The token to be answered at each place; `NO_TARGET` where no answer is scored."""


class Tokenizer(Protocol):
    """Turns text into tokens, and tokens into text."""

    def encode(self, text: str) -> Sequence[int]:
        """The tokens of a text, with those that mark its beginning and its end."""

    def words(self, tokens: Sequence[int]) -> list[str]:
        """Each token as text."""


@dataclass(frozen=True)
class TokenInput:
    """Prompts of `length` tokens, each from 0 to `vocabulary` - 1, as int64 `n place`."""

    vocabulary: int
    length: int

    def batch(self, items: Sequence[Prompted]) -> Int[Tensor, "n place"]:
        """The tokens of each prompt.

        Raises WorkbenchError, with the first prompts' names, for prompts of another length and for
        tokens that are not of the vocabulary.
        """
        wrong = [item.name for item in items if len(item.tokens) != self.length]
        if wrong:
            lengths = sorted({len(item.tokens) for item in items} - {self.length})
            raise WorkbenchError(
                f"prompts ({_first(wrong)})",
                f"{len(wrong)} of {len(items)} have {_numbers(lengths)} tokens",
                f"{self.length} tokens, the length for which the host was loaded",
                "Make the prompts of that length, or load the host at theirs.",
            )
        tokens = torch.tensor([item.tokens for item in items], dtype=torch.int64)
        tokens = tokens.reshape(len(items), self.length)  # also where there are no items
        self._refuse_unknown(items, tokens)
        return tokens

    def _refuse_unknown(self, items: Sequence[Prompted], tokens: Int[Tensor, "n place"]) -> None:
        unknown = (tokens < 0) | (tokens >= self.vocabulary)
        if unknown.any():
            names = [item.name for item, bad in zip(items, unknown.any(1), strict=True) if bad]
            raise WorkbenchError(
                f"prompts ({_first(names)})",
                f"token {int(tokens[unknown][0])} is not of the host's vocabulary",
                f"tokens from 0 to {self.vocabulary - 1}",
                "Give prompts of this host's vocabulary.",
            )

    def encode(self, stimuli: Int[Tensor, "n place"]) -> Int[Tensor, "n place"]:
        """Tokens are the network's input as they are."""
        return stimuli

    def decode(self, x: Int[Tensor, "n place"]) -> Int[Tensor, "n place"]:
        """The tokens."""
        return x

    def example(self) -> Int[Tensor, "1 place"]:
        """A prompt of token 0 everywhere."""
        return torch.zeros(1, self.length, dtype=torch.int64)


@dataclass(frozen=True)
class TokenOutput:
    """Logits `n place vocabulary`, compared at the scored places of each prompt.

    A place is scored where the prompt has a target. Each quantity is the mean over a prompt's
    scored places, and nan where it has none; the R2 of logits is of these places together.

    vocabulary   logits of a place
    last         whether the network answers at the last place alone, `n 1 vocabulary`
    temperature  divides logits for `soft_kl`, which is nan without one (`fitted`)
    """

    vocabulary: int
    last: bool = False
    temperature: float | None = None

    compared = True
    quantities = (TOKEN_KL, TOKEN_AGREEMENT, LOGIT_R2, SOFT_KL, FITTED_SOFT_KL, LOSS, ACCURACY)
    headline = TOKEN_KL

    def statistics(
        self,
        natural: Float[Array, "n place vocabulary"],
        answer: Float[Array, "n place vocabulary"],
        target: Int[Array, "n place"],
    ) -> Mapping[str, Float[Array, " n"]]:
        """The quantities of logits at the scored places; `fitted_soft_kl` is nan (`against`).

        A logit that is nan or plus infinity makes KL infinite and agreement nan. Where logits are
        equal, the token with the smaller index ranks first.
        """
        rows = self.against(natural, target).rows(answer)
        return {quantity.name: rows[quantity.name] for quantity in self.quantities}

    def against(
        self, natural: Float[Array, "n place vocabulary"], target: Int[Array, "n place"]
    ) -> NaturalLogits:
        """The natural logits, to compare several conditions with (as `statistics` does one)."""
        xp = array_namespace(natural, target)
        expected = xp.astype(natural[target != NO_TARGET], xp.float64)
        return NaturalLogits(expected, target, self.temperature)

    def targets(self, items: Sequence[Prompted]) -> Int[np.ndarray, "n place"]:
        """The target at each place that is answered.

        Raises WorkbenchError for a target that is not among the answers.
        """
        rows = [item.targets[-1:] if self.last else item.targets for item in items]
        targets = np.array(rows, dtype=np.int64)
        unknown = (targets != NO_TARGET) & ((targets < 0) | (targets >= self.vocabulary))
        if unknown.any():
            names = [item.name for item, bad in zip(items, unknown.any(1), strict=True) if bad]
            raise WorkbenchError(
                f"prompts ({_first(names)})",
                f"target {targets[unknown][0]} is not among the host's answers",
                f"0 to {self.vocabulary - 1}, or {NO_TARGET} at a place that is not scored",
            )
        return targets

    def fitted(
        self, natural: Float[Tensor, "n place vocabulary"], target: Int[np.ndarray, "n place"]
    ) -> "TokenOutput":
        """The same output with the temperature at which these answers are unsure."""
        scored = natural[torch.from_numpy(target != NO_TARGET).to(natural.device)]
        return replace(self, temperature=unsure_temperature(scored))

    def problems(self, answer: object) -> list[str]:
        """Names answers of another shape than `n place vocabulary`."""
        shape = tuple(answer.shape) if isinstance(answer, Tensor) else ()
        if len(shape) == 3 and shape[2] == self.vocabulary and (not self.last or shape[1] == 1):
            return []
        places = "1" if self.last else "places"
        return [
            f"the network gives {shape or type(answer).__name__} for one item; "
            f"expected logits 1 x {places} x {self.vocabulary}"
        ]


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")


def _numbers(numbers: Sequence[int]) -> str:
    return " or ".join(map(str, numbers[:NAMED])) + (" or more" if len(numbers) > NAMED else "")
