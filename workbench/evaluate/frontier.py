"""The frontier: more and more of the host's units replaced, theory by theory, every set on the same pictures in one pass."""

from collections.abc import Sequence

import numpy as np

from workbench.arrays import to_numpy
from workbench.arrays.devices import shared
from workbench.cache import Cache
from workbench.engine import Engine, here
from workbench.evaluate.journal import Journal
from workbench.evaluate.run import BATCH, Progress, donor_of, first_site, labels, streamed
from workbench.evaluate.statistics import Statistics, class_statistics, in_numpy
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.splice.calibrate import Splices
from workbench.splice.natural import Part
from workbench.splice.network import spliced_from
from workbench.splice.scene import scenes_together

CONDITIONS = ("natural", "ablated.zero", "spliced", "control.permuted")


def grown(
    host: Host,
    joint: Sequence[Splices],
    pictures: Sequence[Picture],
    size: int = BATCH,
    journal: Journal | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
    engine: Engine = here,
) -> list[Statistics]:
    """For each n from 1: class statistics of every condition of CONDITIONS with the units of the first n circuits replaced together.

    Rows are as in `Statistics`, of the network only: kl, agreement, top1 and top5.
    """
    rows = streamed(pictures, lambda some: _rows(host, joint, some, cache), size, journal, progress, engine)
    names, sha256s = tuple(picture.name for picture in pictures), tuple(picture.sha256 for picture in pictures)
    units = tuple(f"{splices.site}:{unit}" for splices in joint for unit in splices.units)
    level = np.concatenate([to_numpy(splices.level) for splices in joint])
    ends = np.cumsum([len(splices.units) for splices in joint])
    return [
        Statistics(names, sha256s, units[:end], level[:end], rows["peak"][:, :end], _of_step(rows, step))
        for step, end in enumerate(ends, start=1)
    ]


def _rows(host: Host, joint: Sequence[Splices], pictures: Sequence[Picture], cache: Cache | None) -> dict[str, np.ndarray]:
    x, label = batch(pictures, host.input).to(host.device), labels(host, pictures)
    circuits = [{"spliced": splices.circuits["spliced"]} for splices in joint]
    starts = [Part("pushed", first_site(host, joint[:step])) for step in range(1, len(joint) + 1)]
    donor = donor_of(pictures, joint[0].donors)
    here, seen = scenes_together(host, circuits, x, donor, [Part("logits"), *starts], cache, before=False)
    natural = shared(seen[Part("logits")])
    rows = {"peak": np.concatenate([to_numpy(scene.trained.amax((2, 3))) for scene in here], 1)}
    for name in CONDITIONS:
        values = [splices.condition(name)(scene) for splices, scene in zip(joint, here, strict=True)]
        for step in range(1, len(joint) + 1):
            logits, _ = spliced_from(host, x, here[:step], values[:step], seen)
            rows |= {
                f"{step}/{name}/{quantity}": row for quantity, row in in_numpy(class_statistics(natural, shared(logits), label)).items()
            }
    return rows


def _of_step(rows: dict[str, np.ndarray], step: int) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in CONDITIONS}
    for key, row in rows.items():
        at, _, rest = key.partition("/")
        if at == str(step):
            name, _, quantity = rest.rpartition("/")
            found[name][quantity] = row
    return found
