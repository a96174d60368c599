"""Calibration of heads to the network's answers, for families that say `fitted_to: answers`.

Gains that fit a head's own patterns take every query and key as equally important. Gains that fit
the answers are those of least KL divergence at the scored places, with the heads of all such
families handwritten at once and everything else trained.
"""

from dataclasses import replace

import torch
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.tokens import TokenOutput
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.descent import Descent
from workbench.sequences.head_parts import (
    Heads,
    as_layers,
    calibrated_heads,
    handwritten_patterns,
)
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import with_patterns
from workbench.sequences.short_run import answers_under

STEPS, BATCH = 120, 8  # BATCH: prompts of a step
RATE = 0.1  # of a gain, in units of the score, at the first step


def calibrated(host: Host, heads: Heads, run: NaturalRun, seed: int) -> dict[str, WrittenHeads]:
    """The families with their calibrated gains fitted on a run over calibration prompts.

    All are fitted to their own patterns first (`calibrated_heads`), and those that are fitted to
    the answers then descend from there. Raises WorkbenchError as `refuse_without_logits`.
    """
    fitted = calibrated_heads(heads, run, shape_of(host).causal)
    chosen = tuple(name for name, family in fitted.items() if family.fitted_to_answers)
    if not chosen:
        return fitted
    refuse_without_logits(host, chosen[0])
    return _descended(host, fitted, chosen, run, seed)


def refuse_without_logits(host: Host, family: str) -> None:
    """Raises WorkbenchError if the network does not answer with logits of tokens."""
    if not isinstance(host.output, TokenOutput):
        raise WorkbenchError(
            f"families.{family}.fitted_to",
            f"answers, and {host.name} gives no logits",
            "a network that answers with tokens, or fitted_to: patterns",
        )


def divergence(host: Host, heads: Heads, by_hand: tuple[str, ...], run: NaturalRun) -> Tensor:
    """The mean KL divergence at the scored places with these families handwritten."""
    patterns = handwritten_patterns(heads, by_hand, run, shape_of(host).causal)
    overrides = with_patterns(as_layers(heads, patterns, by_hand))
    p = run.answers[run.scored].log_softmax(-1)
    q = answers_under(host, run, overrides)[run.scored].log_softmax(-1)
    return (p.exp() * (p - q)).sum(-1).mean()


@torch.enable_grad()
def _descended(
    host: Host, heads: dict[str, WrittenHeads], chosen: tuple[str, ...], run: NaturalRun, seed: int
) -> dict[str, WrittenHeads]:
    gains = {name: _gains(heads[name]).requires_grad_() for name in chosen}
    descents = [Descent(gain.detach(), RATE, 0.0, STEPS) for gain in gains.values()]
    generator = torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        batch = run.of(torch.randperm(len(run.tokens), generator=generator)[:BATCH])
        written = heads | {name: _with_gains(heads[name], gain) for name, gain in gains.items()}
        slopes = torch.autograd.grad(divergence(host, written, chosen, batch), [*gains.values()])
        for descent, slope in zip(descents, slopes, strict=True):
            descent.step(slope)
    return heads | {name: _with_gains(heads[name], gain.detach()) for name, gain in gains.items()}


def _gains(family: WrittenHeads) -> Tensor:
    """The calibrated gains, a row for each term."""
    return torch.stack([family.terms[i].gain for i in family.calibrated])


def _with_gains(family: WrittenHeads, gains: Tensor) -> WrittenHeads:
    terms = list(family.terms)
    for i, gain in zip(family.calibrated, gains, strict=True):
        terms[i] = replace(terms[i], gain=gain)
    return replace(family, terms=tuple(terms))
