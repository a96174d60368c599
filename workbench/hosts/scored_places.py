"""The places of a sequence whose answers are scored: the last layer computes no others."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

# submodules of the last layer's attention, in their order: places may be chosen after any of them
CHOSEN_AFTER = ("hook_q", "hook_pattern", "hook_z")
EVERY_PLACE = ("hook_resid_pre", "hook_q", "hook_k", "hook_v")  # of the last layer


@dataclass(frozen=True)
class ScoredPlaces:
    """Places of each prompt, as many for all, whose answers are scored.

    after  one of CHOSEN_AFTER: up to this submodule every place is computed
    """

    places: Int[Tensor, "n scored"]
    after: str = CHOSEN_AFTER[0]

    def rows(
        self, values: Float[Tensor, "n place ..."], after: str | None = None
    ) -> Float[Tensor, "n scored ..."]:
        """The values at the scored places; all values if these are chosen after another one."""
        if after not in (None, self.after):
            return values
        return values[torch.arange(len(values))[:, None], self.places]

    def unit_rows(
        self, values: Float[Tensor, "n unit place ..."], after: str | None = None
    ) -> Float[Tensor, "n unit scored ..."]:
        """As `rows`, of values with their units first."""
        if after not in (None, self.after):
            return values
        prompts, units = (torch.arange(count) for count in values.shape[:2])
        return values[prompts[:, None, None], units[:, None], self.places[:, None]]

    def everywhere(self, answers: Float[Tensor, "n scored d"], places: int) -> Tensor:
        """Answers `n place d` of sequences of that length; nan at the other places."""
        whole = answers.new_full((len(answers), places, answers.shape[-1]), torch.nan)
        whole[torch.arange(len(answers))[:, None], self.places] = answers
        return whole


def step_of(submodule: str) -> int:
    """The first of CHOSEN_AFTER by which a submodule of the last layer is computed, by its index.

    Their number for a submodule that comes after all of them.
    """
    if submodule in EVERY_PLACE:
        return 0
    return CHOSEN_AFTER.index(submodule) if submodule in CHOSEN_AFTER else len(CHOSEN_AFTER)
