"""Statistics of a network with more and more of its units replaced, theory by theory.

Every set of units is replaced on the same pictures, in one pass. At each step the earlier theories'
units are handwritten, and the step's own units are handwritten or something else.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float

from workbench.arrays import to_numpy
from workbench.arrays.devices import placed, shared
from workbench.cache import Cache, Kept, cache_key
from workbench.code import code_version
from workbench.evaluate.batches import BATCH, Streaming, donor_of, streamed
from workbench.evaluate.finite import refuse_answers
from workbench.evaluate.keys import condition_keys
from workbench.evaluate.statistics import Statistics, in_numpy, positions
from workbench.hosts.hooks import Override, overridden, refuse_unfired
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices
from workbench.splice.inputs import DRIVES, ConditionInputs, Wanted, joint_inputs
from workbench.splice.natural import Part
from workbench.splice.network import overrides, spliced_from, start_of
from workbench.vision.pictures import Picture
from workbench.work import Work

SPLICED = "spliced"
# of a step's own units, with the units of all earlier steps handwritten
OWN = (
    "ablated.mean",
    "ablated.resample",
    "control.permuted",
    "baseline.affine",
    "baseline.regression",
)
OTHERS = "others_at_mean"  # all units without a theory so far at their mean
CONDITIONS = ("natural", SPLICED, *OWN, OTHERS)
ROWS, MEANS = "frontier", "means"  # the kinds of cache entries
PASSING = frozenset({"before", DRIVES})  # of pictures that are scored: their rows are kept instead
LOGITS = Part("logits")


Means = Mapping[str, Float[torch.Tensor, " c"]]  # of the channels of a site, by site


def site_means(
    host: Host,
    sites: Sequence[str],
    calibration: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
) -> Means:
    """The mean of every channel of these sites over positions and calibration pictures."""

    def means(pictures: Sequence[Picture]) -> dict[str, np.ndarray]:
        at_sites = host.activations(host.input.batch(pictures).to(host.device), *sites)
        return {name: to_numpy(value.mean((2, 3))) for name, value in at_sites.items()}

    how = Streaming(
        kept=Kept(work.cache, MEANS, cache_key(code_version(), host.facts, *sites))
        if work.cache
        else None,
        progress=work.stage("means of all units", len(calibration)),
        engine=work.engine,
    )
    rows = streamed(calibration, means, how)
    return {name: torch.from_numpy(row.mean(0)).to(host.device) for name, row in rows.items()}


def grown(
    host: Host,
    joint: Sequence[Splices],
    means: Means,
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
    size: int = BATCH,
) -> list[Statistics]:
    """Statistics of CONDITIONS with the units of the first n circuits replaced, for each n from 1.

    Under "spliced" all of them are handwritten; under OWN those of the n-th circuit are under that
    condition and all before it handwritten; under OTHERS all are handwritten, and every other unit
    of the sites of `means` is at its mean. Rows are as in `Statistics`, but only of the network's
    answers. With a cache, an interrupted run continues at the batch where it stopped.
    """
    cache = work.cache  # engines send what they compute: it must not hold a progress bar
    how = Streaming(
        kept=_kept(host, joint, means, cache),
        progress=work.stage("frontier", len(pictures)),
        engine=work.engine,
        size=size,
    )
    rows = streamed(pictures, lambda batch: _rows(host, joint, means, batch, cache), how)
    names = tuple(picture.name for picture in pictures)
    sha256s = tuple(picture.sha256 for picture in pictures)
    units = tuple(f"{splices.site}:{unit}" for splices in joint for unit in splices.units)
    level = np.concatenate([to_numpy(splices.level) for splices in joint])
    ends = np.cumsum([len(splices.units) for splices in joint])
    return [
        Statistics(
            names, sha256s, units[:end], level[:end], rows["peak"][:, :end], _of_step(rows, step)
        )
        for step, end in enumerate(ends, start=1)
    ]


def _kept(host: Host, joint: Sequence[Splices], means: Means, cache: Cache | None) -> Kept | None:
    """Where the rows of finished batches are kept; None where a condition may not be cached.

    The key is of everything that they depend on besides the pictures.
    """
    if cache is None:
        return None
    keys, wanted = condition_keys(host, joint), ("natural", SPLICED, *OWN)
    if not set(wanted) <= keys.keys():
        return None
    numbers = [hashlib.sha256(to_numpy(mean).tobytes()).hexdigest() for mean in means.values()]
    return Kept(cache, ROWS, cache_key(*(keys[name] for name in wanted), *means, *numbers))


def _rows(
    host: Host,
    joint: Sequence[Splices],
    means: Means,
    pictures: Sequence[Picture],
    cache: Cache | None,
) -> dict[str, np.ndarray]:
    """One batch: the units' "peak", and each quantity as "STEP/CONDITION/QUANTITY"."""
    x = host.input.batch(pictures).to(host.device)
    target = placed(host.output.targets(pictures), host.device)
    circuits = [{SPLICED: splices.circuits[SPLICED]} for splices in joint]
    replaced = [(splices.site, splices.slots) for splices in joint]
    starts = [start_of(host, replaced[:step]) for step in range(1, len(joint) + 1)]
    donor = donor_of(pictures, joint[0].donors)
    wanted = Wanted(more=(LOGITS, *starts), passing=PASSING)
    inputs, parts = joint_inputs(host, circuits, x, donor, wanted, cache)
    refuse_answers(host, parts[LOGITS])
    peaks = [to_numpy(batch.trained.amax(positions(batch.trained))) for batch in inputs]
    rows = {"peak": np.concatenate(peaks, 1)}

    def add(step: int, name: str, logits: torch.Tensor) -> None:
        compared = host.output.statistics(shared(parts[LOGITS]), shared(logits), target)
        for quantity, row in in_numpy(compared).items():
            rows[f"{step}/{name}/{quantity}"] = row

    written = [
        splices.condition(SPLICED)(batch) for splices, batch in zip(joint, inputs, strict=True)
    ]
    for step in range(1, len(joint) + 1):
        add(step, "natural", parts[LOGITS])
        before, batch = written[: step - 1], inputs[step - 1]
        for name in (SPLICED, *OWN):
            values = [*before, joint[step - 1].condition(name)(batch)]
            logits, _ = spliced_from(host, x, inputs[:step], values, parts)
            add(step, name, logits)
        add(step, OTHERS, _others_at_mean(host, x, means, inputs[:step], written[:step]))
    return rows


def _others_at_mean(
    host: Host,
    x: torch.Tensor,
    means: Means,
    inputs: Sequence[ConditionInputs],
    values: Sequence[torch.Tensor],
) -> torch.Tensor:
    """The answers with these units at `values`, and all others of the sites at their mean."""
    written = overrides(inputs, values)

    def override(site: str) -> Override:
        def put(activation: torch.Tensor) -> torch.Tensor:
            filled = means[site][:, None, None].to(activation.dtype).expand_as(activation)
            return written[site](filled) if site in written else filled.contiguous()

        return put

    with overridden(host, {site: override(site) for site in means}) as fired:
        logits, _ = host.run(x)
    refuse_unfired(fired)
    return logits


def _of_step(rows: Mapping[str, np.ndarray], step: int) -> dict[str, dict[str, np.ndarray]]:
    """The rows of one step, by condition and quantity."""
    by_condition: dict[str, dict[str, np.ndarray]] = {name: {} for name in CONDITIONS}
    for key, row in rows.items():
        at, _, rest = key.partition("/")
        if at == str(step):
            name, _, quantity = rest.rpartition("/")
            by_condition[name][quantity] = row
    return by_condition
