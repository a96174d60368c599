"""Rivals of the parts that write logits, fitted as the theory is: no circuit of heads or neurons.

They are the mean logits, sums of cosines, and least squares from the trained stream.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.sequences.answer_parts import AnswerConditions, Logits
from workbench.sequences.fit import least_squares
from workbench.sequences.natural_run import NaturalRun, at_places
from workbench.sequences.rule import angle_deg
from workbench.sequences.sites import stream_site
from workbench.sequences.splice import TokenCondition


def cosines(part: AnswerConditions, run: NaturalRun, wanted: Float[Tensor, "row token"]) -> Logits:
    """The rival without neurons: a sum of cosines of the answer's angle less the numbers'.

    Its gains, one a frequency, are fitted as the theory's are.
    """
    ((_, neurons),) = part.written.neurons.items()

    def columns(batch: NaturalRun) -> Float[Tensor, "n 1 token column"]:
        numbers = batch.tokens[:, list(neurons.places)]
        made = []
        for frequency in neurons.frequencies:
            angles = angle_deg(numbers, frequency, neurons.modulus)
            total = angles[:, 0] + neurons.sign * angles[:, 1:].sum(1)
            answers = angle_deg(torch.arange(neurons.modulus), frequency, neurons.modulus)
            made.append((answers[None] - total[:, None]).deg2rad().cos())
        return torch.stack(made, -1)[:, None].float()

    gains = least_squares(at_places(columns(run), run.scored), wanted)
    return lambda batch: columns(batch) @ gains


def regression(
    layer: int, run: NaturalRun, wanted: Float[Tensor, "row token"], ridge: float = 1e-3
) -> Logits:
    """The baseline of least squares from the trained stream at the last place to the logits."""

    def inputs(batch: NaturalRun) -> Float[Tensor, "n d"]:
        stream = batch.seen[stream_site(layer)][:, :, -1]
        return torch.cat([stream, torch.ones(len(stream), 1)], 1)

    x = inputs(run)[run.scored.any(1)].double()
    gram = x.T @ x
    gram += ridge * gram.diagonal().mean() * torch.eye(len(gram), dtype=gram.dtype)
    weights = torch.linalg.solve(gram, x.T @ wanted.double()).float()
    return lambda batch: (inputs(batch) @ weights)[:, None]


def answer_baselines(
    part: AnswerConditions, run: NaturalRun, wanted: Float[Tensor, "row token"]
) -> list[TokenCondition]:
    """The rivals of a part.

    They are the mean logits alone for a whole network, and sums of cosines and a regression for
    neurons. Heads that copy have none but the ablations.

    wanted  what the trained part adds (`added_by`)
    """
    made = []
    if part.whole:
        mean = wanted.mean(0)
        label = "the mean logits alone: one answer to every prompt"
        made.append(
            part.of_logits("baseline.constant", label, lambda _: mean[None, None], mean.numel())
        )
    if not part.written.neurons:
        return made
    made.append(
        part.of_logits(
            "baseline.cosines",
            "no neurons: a sum of cosines, one gain a frequency",
            cosines(part, run, wanted),
            sum(2 * len(neurons.frequencies) for neurons in part.written.neurons.values()),
        )
    )
    if not part.whole:
        ((_, neurons),) = part.written.neurons.items()
        label = "least squares from the trained stream to what the neurons add to the logits"
        stream = run.seen[stream_site(neurons.layer)].shape[1]
        made.append(
            part.of_logits(
                "baseline.regression",
                label,
                regression(neurons.layer, run, wanted),
                (stream + 1) * wanted.shape[1],
            )
        )
    return made
