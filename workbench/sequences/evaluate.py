"""Run every condition of every part over prompts, and keep one row a prompt."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from workbench.evaluate.statistics import Statistics
from workbench.hosts.host import Host
from workbench.sequences.natural_run import BATCH, NaturalRun, natural_run
from workbench.sequences.overrides import Patterns
from workbench.sequences.part import TokenPart
from workbench.sequences.prompts import Prompt
from workbench.sequences.sites import pattern_site
from workbench.sequences.splice import TokenCondition
from workbench.sequences.temperatures import NATURAL, comparison, temperatures
from workbench.work import Work

OVERLAP = "overlap"  # the row of pattern overlap


@torch.no_grad()
def evaluate_parts(
    host: Host,
    parts: Sequence[TokenPart],
    prompts: Sequence[Prompt],
    sites: Sequence[str],
    work: Work = Work(),  # noqa: B008 (frozen)
    calibration: NaturalRun | None = None,
) -> list[Statistics]:
    """The statistics of each part's conditions: the output's quantities, and pattern overlap.

    `sites` are those that conditions read (`sites_read`). The overlap of two patterns is the mean
    over heads and queries of the attention that they share, from 0 to 1. On a run of calibration
    prompts each condition's temperature is fitted; without one `fitted_soft_kl` is not known.
    """
    rows: list[dict[str, dict[str, list[np.ndarray]]]] = [{} for _ in parts]
    conditions = {id(spliced): spliced for part in parts for spliced in part.conditions}
    at = temperatures(host, parts, calibration) if calibration else {}

    def computed(batch: Sequence[Prompt]) -> dict[str | int, dict[str, np.ndarray]]:
        return _rows_of(host, conditions, batch, sites, at)

    batches = [prompts[start : start + BATCH] for start in range(0, len(prompts), BATCH)]
    advance = work.stage("score", len(prompts))
    for batch, made in zip(batches, work.engine(computed, batches), strict=True):
        for part, by_condition in zip(parts, rows, strict=True):
            _add(by_condition, NATURAL.name, made[NATURAL.name])
            for spliced in part.conditions:
                _add(by_condition, spliced.facts.name, made[id(spliced)])
        advance(len(batch))
    return [
        _statistics(host, part, prompts, by_condition)
        for part, by_condition in zip(parts, rows, strict=True)
    ]


@torch.no_grad()
def _rows_of(
    host: Host,
    conditions: Mapping[int, TokenCondition],
    batch: Sequence[Prompt],
    sites: Sequence[str],
    at: Mapping[str | int, float],
) -> dict[str | int, dict[str, np.ndarray]]:
    """A batch's rows of the natural network by its name, and of each condition by its id."""
    run = natural_run(host, batch, sites)
    compared = comparison(host, run, batch)
    made: dict[str | int, dict[str, np.ndarray]] = {
        NATURAL.name: compared(run.answers, at.get(NATURAL.name))
    }
    for key, spliced in conditions.items():
        answers, patterns = spliced.spliced(host, run)
        made[key] = compared(answers, at.get(key))
        if patterns is not None:
            made[key][OVERLAP] = overlap(run, patterns).numpy()
    return made


def overlap(run: NaturalRun, patterns: Patterns) -> Tensor:
    """For each prompt the mean over heads and queries of the attention shared with the trained."""
    shared = [
        torch.minimum(values, run.seen[pattern_site(layer)][:, list(members)]).sum(-1).mean(-1)
        for layer, (members, values) in patterns.items()
    ]
    return torch.cat(shared, 1).mean(1)


def _add(by_condition: dict, name: str, rows: dict[str, np.ndarray]) -> None:
    kept = by_condition.setdefault(name, {})
    for quantity, row in rows.items():
        kept.setdefault(quantity, []).append(row)


def _statistics(
    host: Host, part: TokenPart, prompts: Sequence[Prompt], by_condition: dict
) -> Statistics:
    rows = {
        name: {quantity: np.concatenate(batches) for quantity, batches in kept.items()}
        for name, kept in by_condition.items()
    }
    facts = {NATURAL.name: NATURAL} | {
        spliced.facts.name: spliced.facts for spliced in part.conditions
    }
    return Statistics(
        names=tuple(prompt.name for prompt in prompts),
        sha256s=tuple(prompt.sha256 for prompt in prompts),
        units=(),
        level=np.zeros(0),
        peak=np.zeros((len(prompts), 0)),
        rows=rows,
        quantities=host.output.quantities,
        conditions=facts,
    )
