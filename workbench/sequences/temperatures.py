"""Answers under conditions compared with the natural ones, each at a temperature of its own.

Where the network is unsure, KL also depends on the scale of a condition's logits. Each condition's
temperature is fitted on calibration prompts, so that none is punished for its scale alone.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.temperature import matching_temperature
from workbench.hosts.tokens import TokenOutput
from workbench.sequences.natural_run import NaturalRun, at_places
from workbench.sequences.part import TokenPart
from workbench.sequences.prompts import Prompt
from workbench.splice.conditions import ConditionFacts, ConditionKind

TEMPERATURE = "temperature"  # the row of a condition's temperature, the same for every prompt
NATURAL = ConditionFacts("natural", ConditionKind.NATURAL, "the trained network itself")
PLACES = 512  # scored places at least: a temperature is one number

Compared = Callable[[Tensor, float | None], dict[str, np.ndarray]]


def temperatures(
    host: Host, parts: Sequence[TokenPart], calibration: NaturalRun
) -> Mapping[str | int, float]:
    """The temperature of the natural answers by name, and of each condition by its id.

    Empty for a network whose answers are no logits of tokens.
    """
    if not isinstance(host.output, TokenOutput) or host.output.temperature is None:
        return {}
    unsure = host.output.temperature
    run = calibration.of(evenly(calibration))
    natural = at_places(run.answers, run.scored)
    made: dict[str | int, float] = {NATURAL.name: unsure}
    for part in parts:
        for spliced in part.conditions:
            if id(spliced) not in made:
                answers = at_places(spliced.answers(host, run), run.scored)
                made[id(spliced)] = matching_temperature(natural, answers, unsure)
    return made


def evenly(run: NaturalRun) -> Tensor:
    """The evenly spaced prompts of a run that have enough scored places; all where they are few."""
    scored = max(1, int(run.scored.sum()))
    count = min(len(run.tokens), -(-PLACES * len(run.tokens) // scored))
    return torch.linspace(0, len(run.tokens) - 1, count).round().long()


def comparison(host: Host, run: NaturalRun, prompts: Sequence[Prompt]) -> Compared:
    """A function of a condition's answers and temperature: by quantity a number for each prompt."""
    output, targets = host.output, np.asarray(host.output.targets(prompts))
    natural = run.answers.numpy()
    if not isinstance(output, TokenOutput):
        return lambda answers, _: _rows(output.statistics(natural, answers.numpy(), targets))
    against = output.against(natural, targets)

    def compared(answers: Tensor, temperature: float | None) -> dict[str, np.ndarray]:
        rows = against.rows(answers.numpy(), temperature)
        made = _rows({quantity.name: rows[quantity.name] for quantity in output.quantities})
        if temperature is not None:
            made[TEMPERATURE] = np.full(len(prompts), temperature)
        return made

    return compared


def _rows(quantities: Mapping[str, object]) -> dict[str, np.ndarray]:
    return {name: np.asarray(row) for name, row in quantities.items()}
