"""Run every condition over pictures. The host up to the splices and each circuit run once a batch, and each condition only what lies behind the
first of them. A joint splice is a sequence of `Splices`, one for each trained circuit; all of them are replaced in the same run."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.evaluate.journal import Journal
from workbench.evaluate.statistics import SAMPLED, Statistics, class_statistics, joined, side_by_side, unit_statistics
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.splice.calibrate import Splices, condition_names
from workbench.splice.network import first_scene, spliced_from
from workbench.splice.scene import Scene, scene, scenes_together

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
            yield scene(host, circuits, batch(some, host.input), donor_of(some, donors))
        if progress:
            progress(len(some))


def evaluate(
    host: Host,
    joint: Sequence[Splices],
    pictures: Sequence[Picture],
    size: int = BATCH,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> Statistics:
    """Rows for every condition and picture, under each condition the units of every circuit of `joint` replaced together.

    With a journal, batches that an earlier, interrupted run finished are read back instead of computed.
    """
    cells = [sampled_cells(host, joint, splices) for splices in joint]
    rows = streamed(pictures, lambda some: _rows(host, joint, some, cells), size, journal, progress)
    return _statistics(joint, pictures, rows)


def streamed(
    pictures: Sequence[Picture],
    rows_of: Callable[[Sequence[Picture]], dict[str, np.ndarray]],
    size: int = BATCH,
    journal: Journal | None = None,
    progress: Progress | None = None,
) -> dict[str, np.ndarray]:
    """The rows of `size` pictures at a time, one after another; batches that the journal has are read back."""
    chunks = []
    for start in range(0, len(pictures), size):
        some = pictures[start : start + size]
        name = hashlib.sha256("".join(f"{picture.sha256} {picture.label}\n" for picture in some).encode()).hexdigest()
        rows = journal.read(name) if journal else None
        if rows is None:
            with torch.inference_mode():
                rows = rows_of(some)
            if journal:
                journal.write(name, rows)
        chunks.append(rows)
        if progress:
            progress(len(some))
    return joined(chunks)


def sampled_cells(host: Host, joint: Sequence[Splices], splices: Splices) -> list[int]:
    """Random cells of one circuit's site, as many as every site of the joint splice has."""
    sizes = {each.site: host.site(each.site).height * host.site(each.site).width for each in joint}
    return list(np.random.default_rng(0).permutation(sizes[splices.site])[: min(SAMPLED, *sizes.values())])


def donor_of(pictures: Sequence[Picture], donors: int) -> torch.Tensor:
    """Which donor stands in on each picture: known from its content, so that the batch does not matter."""
    return torch.tensor([int(picture.sha256[:12], 16) % donors for picture in pictures])


def together(
    host: Host, joint: Sequence[Mapping[str, HandwrittenCircuit]], x: torch.Tensor, pictures: Sequence[Picture], donors: int
) -> list[Scene]:
    """The scene of each trained circuit on the pictures that are `x`; a picture has the same donor everywhere."""
    return scenes_together(host, joint, x, donor_of(pictures, donors))


def _rows(host: Host, joint: Sequence[Splices], pictures: Sequence[Picture], cells: Sequence[list[int]]) -> dict[str, np.ndarray]:
    x = batch(pictures, host.input)
    here = together(host, [splices.circuits for splices in joint], x, pictures, joint[0].donors)
    names = list(host.sites)
    deepest = max(names.index(splices.site) for splices in joint)
    after = names[deepest + 1 : deepest + 2]
    label = labels(host, pictures)
    first = first_scene(host, here)
    natural, seen = host.resume(x, first.name, first.site, *after)
    rows = {"peak": np.concatenate([scene.trained.amax((2, 3)).numpy() for scene in here], 1)}
    for name in condition_names(joint):
        values = [splices.condition(name)(scene) for splices, scene in zip(joint, here, strict=True)]
        logits, reached = spliced_from(host, x, here, values, *after)
        own = [unit_statistics(*each) for each in zip(values, (scene.trained for scene in here), cells, strict=True)]
        found = class_statistics(natural, logits, label) | side_by_side(own)
        for next_site in after:
            found["consumer"] = _distance(reached[next_site], seen[next_site])
        rows |= {f"{name}/{quantity}": row for quantity, row in found.items()}
    return rows


def _distance(value: torch.Tensor, natural: torch.Tensor) -> np.ndarray:
    return ((value - natural).flatten(1).double().square().sum(1) / natural.flatten(1).double().square().sum(1)).numpy()


def labels(host: Host, pictures: Sequence[Picture]) -> torch.Tensor:
    """The class of each picture, -1 where it has no label that the host knows."""
    index = {wordnet_id: i for i, wordnet_id in enumerate(host.classes or ())}
    return torch.tensor([index.get(picture.label or "", -1) for picture in pictures])


def _statistics(joint: Sequence[Splices], pictures: Sequence[Picture], rows: dict[str, np.ndarray]) -> Statistics:
    by_condition: dict[str, dict[str, np.ndarray]] = {name: {} for name in condition_names(joint)}
    for key, row in rows.items():
        if key != "peak":
            name, quantity = key.rsplit("/", 1)
            by_condition[name][quantity] = row
    units = tuple(f"{splices.site}:{unit}" for splices in joint for unit in splices.units)
    level = np.concatenate([splices.level.numpy() for splices in joint])
    return Statistics(tuple(p.name for p in pictures), tuple(p.sha256 for p in pictures), units, level, rows["peak"], by_condition)
