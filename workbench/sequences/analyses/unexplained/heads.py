"""Every handwritten head alone: what its rule leaves of the answers and of the trained pattern."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from workbench.sequences.head_examples import OffsetMeans, offset_means
from workbench.sequences.head_parts import HeadConditions, Heads, handwritten_patterns
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.part import PartNumbers, TokenPart
from workbench.sequences.parts import head_conditions
from workbench.sequences.sites import pattern_site
from workbench.sequences.subject import Subject

TOKENS = 256  # a table of more tokens than these is too large to be read


@dataclass(frozen=True)
class Residual:
    """The trained pattern of a head less the handwritten one.

    by_offset  mean attention by offset, trained and handwritten
    by_token   mean of the difference over the pairs of a query's token and a key's; None where
               there are too many tokens
    """

    by_offset: OffsetMeans
    by_token: Float[np.ndarray, "query_token key_token"] | None

    @property
    def worst_offset(self) -> tuple[int, float]:
        """The offset at which the trained head attends most beyond the rule, or least."""
        difference = self.by_offset.trained - self.by_offset.handwritten
        at = int(np.abs(difference).argmax())
        return self.by_offset.offsets[at], float(difference[at])


def single_heads(heads: Heads) -> Iterator[tuple[str, str, Heads]]:
    """For each head its family, its name as in 0.2, and the families with it alone in its own."""
    for family, written in heads.items():
        for layer, head in written.places:
            yield family, f"{layer}.{head}", {**heads, family: written.only([(layer, head)])}


def head_parts(subject: Subject) -> list[tuple[str, str, TokenPart]]:
    """For each head its family, its name, and a part in which it alone is handwritten or uniform.

    All other heads are trained.
    """
    every = head_conditions(subject)
    return [
        (family, name, _part(replace(every, heads=heads, by_hand=(family,)), name))
        for family, name, heads in single_heads(subject.written.heads)
    ]


def _part(conditions: HeadConditions, name: str) -> TokenPart:
    made = (conditions.uniform(), conditions.written("spliced", conditions.heads))
    return TokenPart(name, f"head {name}", PartNumbers(0), made, conditions.by_hand)


def residuals(
    heads: Heads, run: NaturalRun, causal: bool, vocabulary: int
) -> Mapping[str, Residual]:
    """The residual of each head's pattern, by the head's name, over the prompts of a run."""
    made = {}
    for family, name, alone in single_heads(heads):
        written = handwritten_patterns(alone, (family,), run, causal)[family][:, 0]
        layer, head = map(int, name.split("."))
        trained = run.seen[pattern_site(layer)][:, head]
        table = None
        if vocabulary <= TOKENS:
            table = token_table(trained - written, run.tokens, vocabulary)
        made[name] = Residual(offset_means(trained, written, causal), table)
    return made


def token_table(
    values: Float[Tensor, "n q k"], tokens: Int[Tensor, "n place"], vocabulary: int
) -> Float[np.ndarray, "query_token key_token"]:
    """The mean of values over pairs of places by the tokens there; 0 for pairs that do not occur.

    Pairs of which the key stands after the query count only where a value is not 0 there.
    """
    pairs = (tokens[:, :, None] * vocabulary + tokens[:, None, :]).flatten()
    cells = vocabulary * vocabulary
    seen = torch.ones_like(values[0], dtype=torch.bool)
    if not values.triu(1).any():
        seen = seen.tril()
    counted = seen.expand(values.shape).flatten().double()
    total = torch.zeros(cells, dtype=torch.float64)
    total = total.index_add(0, pairs, values.double().flatten() * counted)
    count = torch.zeros(cells, dtype=torch.float64).index_add(0, pairs, counted)
    return (total / count.clamp(min=1)).reshape(vocabulary, vocabulary).numpy()
