"""Run every condition over pictures. The host up to the splice and each circuit run once a batch, and each condition only what lies behind."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.journal import Journal
from workbench.evaluate.statistics import SAMPLED, Statistics, class_statistics, joined, unit_statistics
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.splice.calibrate import Splices
from workbench.splice.scene import Scene, scene

BATCH = 16
Progress = Callable[[int], None]


def scenes(
    host: Host,
    circuits: Mapping[str, HandwrittenCircuit],
    pictures: Sequence[Picture],
    size: int = BATCH,
    donors: int = 1,
    progress: Progress | None = None,
) -> Iterator[Scene]:
    """The scene of each batch of pictures, in order."""
    for start in range(0, len(pictures), size):
        some = pictures[start : start + size]
        with torch.inference_mode():
            yield scene(host, circuits, batch(some, host.input), _donor(some, donors))
        if progress:
            progress(len(some))


def evaluate(
    host: Host,
    splices: Splices,
    pictures: Sequence[Picture],
    size: int = BATCH,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> Statistics:
    """Rows for every condition and picture.

    With a journal, batches that an earlier, interrupted run finished are read back instead of computed.
    """
    site = host.site(next(iter(splices.circuits.values())).site)
    cells = np.random.default_rng(0).permutation(site.height * site.width)[:SAMPLED]
    chunks = []
    for start in range(0, len(pictures), size):
        some = pictures[start : start + size]
        name = hashlib.sha256("".join(f"{picture.sha256} {picture.label}\n" for picture in some).encode()).hexdigest()
        rows = journal.read(name) if journal else None
        if rows is None:
            with torch.inference_mode():
                rows = _rows(host, splices, some, cells)
            if journal:
                journal.write(name, rows)
        chunks.append(rows)
        if progress:
            progress(len(some))
    return _statistics(splices, pictures, joined(chunks))


def _donor(pictures: Sequence[Picture], donors: int) -> torch.Tensor:
    """Which donor stands in on each picture: known from its content, so that the batch does not matter."""
    return torch.tensor([int(picture.sha256[:12], 16) % donors for picture in pictures])


def _rows(host: Host, splices: Splices, pictures: Sequence[Picture], cells: np.ndarray) -> dict[str, np.ndarray]:
    x = batch(pictures, host.input)
    here = scene(host, splices.circuits, x, _donor(pictures, splices.donors))
    site = next(iter(splices.circuits.values())).site
    names = list(host.sites)
    after = names[names.index(site) + 1 : names.index(site) + 2]
    label = _labels(host, pictures)
    natural, seen = host.resume(x, site, here.site, *after)
    rows = {"peak": here.trained.amax((2, 3)).numpy()}
    for name, condition in splices.conditions.items():
        values = condition(here)
        logits, reached = host.resume(x, site, here.with_units(values), *after)
        found = class_statistics(natural, logits, label) | unit_statistics(values, here.trained, list(cells))
        for next_site in after:
            found["consumer"] = _distance(reached[next_site], seen[next_site])
        rows |= {f"{name}/{quantity}": row for quantity, row in found.items()}
    return rows


def _distance(value: torch.Tensor, natural: torch.Tensor) -> np.ndarray:
    return ((value - natural).flatten(1).double().square().sum(1) / natural.flatten(1).double().square().sum(1)).numpy()


def _labels(host: Host, pictures: Sequence[Picture]) -> torch.Tensor:
    index = {wordnet_id: i for i, wordnet_id in enumerate(host.classes or ())}
    return torch.tensor([index.get(picture.label or "", -1) for picture in pictures])


def _statistics(splices: Splices, pictures: Sequence[Picture], rows: dict[str, np.ndarray]) -> Statistics:
    by_condition: dict[str, dict[str, np.ndarray]] = {name: {} for name in splices.conditions}
    for key, row in rows.items():
        if key != "peak":
            name, quantity = key.rsplit("/", 1)
            by_condition[name][quantity] = row
    units = next(iter(splices.circuits.values())).units
    return Statistics(
        tuple(p.name for p in pictures), tuple(p.sha256 for p in pictures), units, splices.level.numpy(), rows["peak"], by_condition
    )
