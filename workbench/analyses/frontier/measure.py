"""Statistics of a network with more and more of its units replaced, theory by theory.

Every set of units is replaced on the same pictures, in one pass.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from workbench.arrays import to_numpy
from workbench.arrays.devices import placed, shared
from workbench.cache import Cache, Kept, cache_key
from workbench.evaluate.batches import BATCH, Streaming, donor_of, streamed
from workbench.evaluate.finite import refuse_answers
from workbench.evaluate.keys import condition_keys
from workbench.evaluate.statistics import Statistics, in_numpy, positions
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices
from workbench.splice.inputs import Wanted, joint_inputs
from workbench.splice.natural import Part
from workbench.splice.network import spliced_from, start_of
from workbench.vision.pictures import Picture
from workbench.work import Work

CONDITIONS = ("natural", "ablated.zero", "spliced", "control.permuted")
ROWS = "frontier"  # the kind of cache entries
LOGITS = Part("logits")


def grown(
    host: Host,
    joint: Sequence[Splices],
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
    size: int = BATCH,
) -> list[Statistics]:
    """Statistics of CONDITIONS with the units of the first n circuits replaced, for each n from 1.

    Rows are as in `Statistics`, but only of the network's answers. With a cache, an interrupted run
    continues at the batch where it stopped.
    """
    cache = work.cache  # engines send what they compute: it must not hold a progress bar
    how = Streaming(
        kept=_kept(host, joint, cache),
        progress=work.stage("frontier", len(pictures)),
        engine=work.engine,
        size=size,
    )
    rows = streamed(pictures, lambda batch: _rows(host, joint, batch, cache), how)
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


def _kept(host: Host, joint: Sequence[Splices], cache: Cache | None) -> Kept | None:
    """Where the rows of finished batches are kept; None where a condition may not be cached.

    The key is of everything that they depend on besides the pictures.
    """
    if cache is None:
        return None
    keys = condition_keys(host, joint)
    if not set(CONDITIONS) <= keys.keys():
        return None
    return Kept(cache, ROWS, cache_key(*(keys[name] for name in CONDITIONS)))


def _rows(
    host: Host, joint: Sequence[Splices], pictures: Sequence[Picture], cache: Cache | None
) -> dict[str, np.ndarray]:
    """One batch: the units' "peak", and each quantity as "STEP/CONDITION/QUANTITY"."""
    x = host.input.batch(pictures).to(host.device)
    target = placed(host.output.targets(pictures), host.device)
    circuits = [{"spliced": splices.circuits["spliced"]} for splices in joint]
    replaced = [(splices.site, splices.slots) for splices in joint]
    starts = [start_of(host, replaced[:step]) for step in range(1, len(joint) + 1)]
    donor = donor_of(pictures, joint[0].donors)
    wanted = Wanted(reads=frozenset(), more=(LOGITS, *starts))
    inputs, parts = joint_inputs(host, circuits, x, donor, wanted, cache)
    refuse_answers(host, parts[LOGITS])
    natural = shared(parts[LOGITS])
    peaks = [to_numpy(batch.trained.amax(positions(batch.trained))) for batch in inputs]
    rows = {"peak": np.concatenate(peaks, 1)}
    for name in CONDITIONS:
        values = [
            splices.condition(name)(batch) for splices, batch in zip(joint, inputs, strict=True)
        ]
        for step in range(1, len(joint) + 1):
            logits, _ = spliced_from(host, x, inputs[:step], values[:step], parts)
            compared = host.output.statistics(natural, shared(logits), target)
            for quantity, row in in_numpy(compared).items():
                rows[f"{step}/{name}/{quantity}"] = row
    return rows


def _of_step(rows: Mapping[str, np.ndarray], step: int) -> dict[str, dict[str, np.ndarray]]:
    """The rows of one step, by condition and quantity."""
    by_condition: dict[str, dict[str, np.ndarray]] = {name: {} for name in CONDITIONS}
    for key, row in rows.items():
        at, _, rest = key.partition("/")
        if at == str(step):
            name, _, quantity = rest.rpartition("/")
            by_condition[name][quantity] = row
    return by_condition
