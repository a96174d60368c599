"""Logits at the scored places of prompts, compared with those of the natural network.

The natural logits' part of each quantity is computed once, for however many conditions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from workbench.arrays import Array, array_namespace, device
from workbench.hosts.logits import Distribution, log_softmax
from workbench.hosts.output import NO_TARGET


@dataclass(frozen=True)
class NaturalLogits:
    """The natural logits of prompts.

    expected     in float64, at the scored places
    target       the token to be answered at each place; `NO_TARGET` where none is scored
    temperature  at which the natural network is unsure; None where it is not known
    """

    expected: Float[Array, "scored vocabulary"]
    target: Int[Array, "n place"]
    temperature: float | None

    @cached_property
    def scored(self) -> Bool[Array, "n place"]:
        """The places that are scored."""
        return self.target != NO_TARGET

    @cached_property
    def _plain(self) -> Distribution:
        return Distribution.of(log_softmax(self.expected))

    @cached_property
    def _soft(self) -> Distribution:
        return Distribution.of(log_softmax(self.expected / self.temperature))

    @cached_property
    def _first(self) -> Int[Array, " scored"]:
        return array_namespace(self.expected).argmax(self.expected, axis=1)

    @cached_property
    def _size(self) -> Float[Array, " n"]:
        return _mean_over(_centred_squares(self.expected), self.scored)

    def rows(
        self, answer: Float[Array, "n place vocabulary"], temperature: float | None = None
    ) -> Mapping[str, Float[Array, " n"]]:
        """Each quantity of a condition's logits by name: a mean over each prompt's scored places.

        temperature  divides the condition's logits for `fitted_soft_kl`, which is nan without one
        """
        xp = array_namespace(answer, self.target)
        given, wanted = xp.astype(answer[self.scored], xp.float64), self.target[self.scored]
        with np.errstate(invalid="ignore", divide="ignore"):
            q = log_softmax(given)
            kl = self._plain.divergence(q)
            soft, fitted = (self._soft_kl(given, at) for at in (self.temperature, temperature))
            error = _centred_squares(given - self.expected)
        unknown = xp.isnan(kl)
        first = self._first, xp.argmax(given, axis=1)
        places = xp.arange(wanted.shape[0], device=device(wanted))
        loss, hit = -q[places, wanted], first[1] == wanted
        values = {
            "kl": xp.where(unknown, xp.inf, kl),
            "agreement": xp.where(unknown, xp.nan, xp.astype(first[0] == first[1], xp.float64)),
            "soft_kl": xp.where(xp.isnan(soft) & unknown, xp.inf, soft),
            "fitted_soft_kl": xp.where(xp.isnan(fitted) & unknown, xp.inf, fitted),
            "loss": xp.where(xp.isnan(loss), xp.inf, loss),
            "accuracy": xp.astype(hit & ~xp.isnan(given[places, wanted]), xp.float64),
            "error": error,
        }
        rows = {name: _mean_over(row, self.scored) for name, row in values.items()}
        rows["logit_r2"] = 1 - rows["error"] / xp.where(self._size > 0, self._size, xp.nan)
        return rows

    def _soft_kl(
        self, given: Float[Array, "scored vocabulary"], temperature: float | None
    ) -> Float[Array, " scored"]:
        """KL at the natural network's temperature, with the condition's logits at another one."""
        xp = array_namespace(given)
        if self.temperature is None or temperature is None:
            return xp.full(given.shape[0], xp.nan, dtype=xp.float64, device=device(given))
        return self._soft.divergence(log_softmax(given / temperature))


def _centred_squares(logits: Float[Array, "place vocabulary"]) -> Float[Array, " place"]:
    """The sum of squares of each place's logits about their mean over the vocabulary."""
    xp = array_namespace(logits)
    return xp.sum(xp.square(logits - xp.mean(logits, axis=1, keepdims=True)), axis=1)


def _mean_over(row: Float[Array, " scored"], scored: Bool[Array, "n place"]) -> Float[Array, " n"]:
    """The mean of each item's scored places; nan for an item without one."""
    xp = array_namespace(row, scored)
    table = xp.zeros(scored.shape, dtype=xp.float64, device=device(row))
    table[scored] = row
    count = xp.sum(xp.astype(scored, xp.float64), axis=1)
    return xp.sum(table, axis=1) / xp.where(count > 0, count, xp.nan)
