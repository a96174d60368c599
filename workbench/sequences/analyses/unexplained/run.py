"""Find what a theory of tokens leaves: by head, by term of a score, and outside the theory."""

from pathlib import Path

import torch

from workbench.hosts.transformer_host import shape_of
from workbench.score.uncertainty import Figure
from workbench.sequences.analyses.opened import Opened, analysed
from workbench.sequences.analyses.unexplained.figures import (
    HeadLeft,
    NeuronsLeft,
    TokenUnexplained,
    UnitOutside,
    head_left,
    neurons_left,
    to_json,
    units_outside,
)
from workbench.sequences.analyses.unexplained.heads import head_parts, residuals
from workbench.sequences.analyses.unexplained.neurons import followers, frequency_parts
from workbench.sequences.analyses.unexplained.outside import outside_of, outside_part
from workbench.sequences.analyses.unexplained.plot import draw_unexplained
from workbench.sequences.analyses.unexplained.terms import term_candidates
from workbench.sequences.natural_run import BATCH, natural_run
from workbench.sequences.score import TokenRequest
from workbench.sequences.subject import sites_read
from workbench.work import Work


@torch.no_grad()
def run(
    request: TokenRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokenUnexplained:
    """Measure what is left and write unexplained.json and unexplained.png to the folder `output`.

    Raises WorkbenchError, also for a theory without heads.
    """
    return analysed(request, output, work, "unexplained", _measured, to_json, draw_unexplained)


def _measured(start: Opened, work: Work) -> TokenUnexplained:
    start.refuse_without_heads()
    subject, heads = start.subject, start.subject.written.heads
    following = followers(subject)
    parts, units = head_parts(subject), outside_of(subject, following)
    frequencies = list(frequency_parts(subject, following))
    replaced = [part for _, _, part in parts] + [alone.part for alone in frequencies]
    rows = start.evaluated(replaced, work)
    few = natural_run(start.host, start.prompts.scored[:BATCH], sites_read(subject.written))
    residual = residuals(heads, few, subject.causal, shape_of(start.host).vocabulary)
    left = [
        head_left(family, name, of_head, start, residual[name])
        for (family, name, _), of_head in zip(parts, rows[: len(parts)], strict=True)
    ]
    neurons = [
        neurons_left(alone, of_frequency, start)
        for alone, of_frequency in zip(frequencies, rows[len(parts) :], strict=True)
    ]
    outside: list[UnitOutside] = []
    lost_outside: dict[str, Figure] = {}
    if units:
        part = outside_part(subject, units, start.prompts.calibration)
        (of_outside,) = start.evaluated([part], work)
        outside, lost_outside = units_outside(units, of_outside, start)
    return TokenUnexplained(
        start,
        sorted(left, key=_most_lost),
        sorted(neurons, key=_most_lost),
        term_candidates(subject),
        outside,
        lost_outside,
    )


def _most_lost(units: HeadLeft | NeuronsLeft) -> float:
    return -(units.lost.value or 0.0)
