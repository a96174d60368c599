"""Run every condition over pictures. The host up to the splices and each circuit run once a batch, and each condition only what lies behind the
first of them. A joint splice is a sequence of `Splices`, one for each trained circuit; all of them are replaced in the same run."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from workbench.arrays import Array, to_numpy
from workbench.arrays.devices import placed, shared
from workbench.cache import Cache, Kept, known_by
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.engine import Engine, Found, Item, here
from workbench.evaluate.groups import GROUPS, group_of
from workbench.evaluate.journal import Journal
from workbench.evaluate.known import drives_wanted, known_conditions
from workbench.evaluate.statistics import (
    RANKED,
    RANKED_ROWS,
    SAMPLED,
    Statistics,
    class_statistics,
    in_numpy,
    misses,
    no_class_statistics,
    side_by_side,
    squares,
    unit_statistics,
)
from workbench.hosts.host import Host
from workbench.pictures import Picture, batch
from workbench.splice.calibrate import Splices, calibrate, condition_names, with_random_readout
from workbench.splice.conditions import natural, reads_before
from workbench.splice.natural import Part, at_least_float32
from workbench.splice.network import spliced_from
from workbench.splice.scene import DRIVES, Scene, scene, scenes_together

BATCH = 16
ROWS = "rows"  # the kind of cache entries
Progress = Callable[[int], None]
Rows = Mapping[str, np.ndarray]
Held = Callable[[Rows, int], Rows]


def scenes(
    host: Host,
    circuits: Mapping[str, HandwrittenCircuit],
    pictures: Sequence[Picture],
    size: int = BATCH,
    donors: int = 1,
    progress: Progress | None = None,
    cache: Cache | None = None,
    beside: bool = False,
    engine: Engine = here,
) -> Iterator[Scene]:
    """The scene of each batch of pictures, in order; with all channels of the units' site where it is to hold what is `beside` them."""
    return _scenes(host, [circuits], pictures, size, donors, progress, cache, beside, engine)


def _scenes(
    host: Host,
    theories: Sequence[Mapping[str, HandwrittenCircuit]],
    pictures: Sequence[Picture],
    size: int,
    donors: int,
    progress: Progress | None,
    cache: Cache | None,
    beside: bool,
    engine: Engine,
) -> Iterator[Scene]:
    """The scenes of each theory's circuits, one theory after another: one stream, so that no engine waits between theories."""

    def seen(theory_and_pictures: tuple[int, Sequence[Picture]]) -> Scene:
        theory, some = theory_and_pictures
        return scene(host, theories[theory], batch(some, host.input).to(host.device), donor_of(some, donors), cache, beside=beside)

    items = [(theory, some) for theory in range(len(theories)) for _, some in batches(pictures, size)]
    for (_, some), found in zip(items, engine(partial(without_gradients, seen), items), strict=True):
        if progress:
            progress(len(some))
        yield found


def calibrated(
    host: Host,
    circuit: HandwrittenCircuit,
    pictures: Sequence[Picture],
    seed: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
) -> Splices:
    """One circuit's conditions and controls, fitted on pictures."""
    return calibrated_each(host, [{"spliced": circuit, "random": with_random_readout(circuit, seed)}], pictures, seed, progress, cache)[0]


def calibrated_each(
    host: Host,
    theories: Sequence[Mapping[str, HandwrittenCircuit]],
    pictures: Sequence[Picture],
    seed: int = 0,
    progress: Progress | None = None,
    cache: Cache | None = None,
    engine: Engine = here,
) -> list[Splices]:
    """Each theory's conditions and controls, fitted on the same pictures."""
    seen = _scenes(host, theories, pictures, BATCH, 1, progress, cache, False, engine)
    return [calibrate(circuits, islice(seen, len(batches(pictures))), seed) for circuits in theories]


def evaluate(
    host: Host,
    joint: Sequence[Splices],
    pictures: Sequence[Picture],
    size: int = BATCH,
    journal: Journal | None = None,
    progress: Progress | None = None,
    cache: Cache | None = None,
    engine: Engine = here,
) -> Statistics:
    """Rows for every condition and picture, under each condition the units of every circuit of `joint` replaced together.

    With a journal, batches that an earlier, interrupted run finished are read back instead of computed. With a cache, so is what any earlier run
    computed of the host alone, and the rows of every condition that is as it was then.
    """
    cells = [sampled_cells(host, joint, splices) for splices in joint]
    known = known_conditions(host, joint) if cache else {}
    held = partial(held_of, pictures=len(pictures))
    rows = streamed(
        pictures, lambda some: _rows(host, joint, some, cells, known, cache), size, journal, progress, engine, held, _is_moments
    )
    return _statistics(joint, pictures, rows)


def held_of(rows: Rows, start: int, pictures: int) -> Rows:
    """What is held of the rows of a batch that begins with picture `start`: of the samples of many pictures so many cells that all together hold
    RANKED_ROWS, or one a picture, from one picture to the next others; and the misses of "spliced", as its moments may be summed."""
    cells = max(1, min(SAMPLED, RANKED_ROWS // max(1, pictures)))

    def thinned(row: np.ndarray) -> np.ndarray:
        if row.shape[1] <= cells:
            return row
        picture = np.arange(len(row))[:, None]
        return row[picture, ((start + picture) * cells + np.arange(cells)) % row.shape[1]]

    some = {quantity: thinned(row) if quantity.endswith("/sample") else row for quantity, row in rows.items()}
    if "spliced/moments" in rows:
        some["spliced/misses"] = misses(rows["spliced/moments"])
    return some


def _is_moments(quantity: str) -> bool:
    return quantity.endswith("/moments")


def streamed(
    pictures: Sequence[Picture],
    rows_of: Callable[[Sequence[Picture]], dict[str, np.ndarray]],
    size: int = BATCH,
    journal: Journal | Kept | None = None,
    progress: Progress | None = None,
    engine: Engine = here,
    held: Held = lambda rows, start: rows,
    summed: Callable[[str], bool] = lambda quantity: False,
) -> dict[str, np.ndarray]:
    """The rows of `size` pictures at a time, one after another; batches that the journal has are read back. No row is held twice, of each batch
    only what `held` gives of its rows and its first picture's place, and of quantities to be `summed` the sums over groups of pictures.

    The engine computes batches; this process alone puts rows in their places, in the order of the pictures, and writes the journal, so that
    engines may take turns at one run.
    """
    found: dict[str, np.ndarray] = {}
    group = group_of(len(pictures))
    waiting: deque[tuple[int, Sequence[Picture], Rows | None]] = deque()

    def place(start: int, some: Sequence[Picture], rows: Rows) -> None:
        at = slice(start, start + len(some))
        for quantity, row in held(rows, start).items():
            sums = summed(quantity)
            if quantity not in found:
                found[quantity] = np.zeros((min(len(pictures), GROUPS) if sums else len(pictures), *row.shape[1:]), row.dtype)
            if sums:
                np.add.at(found[quantity], group[at], row)
            else:
                found[quantity][at] = row
        if progress:
            progress(len(some))

    def place_known() -> None:
        while waiting and (rows := waiting[0][2]) is not None:
            place(*waiting.popleft()[:2], rows)

    def absent() -> Iterator[Sequence[Picture]]:
        for start, some in batches(pictures, size):
            waiting.append((start, some, journal.read(batch_name(some)) if journal else None))
            if waiting[-1][2] is None:
                yield some
            place_known()

    for rows in engine(partial(without_gradients, rows_of), absent()):
        start, some, _ = waiting.popleft()
        if journal:
            journal.write(batch_name(some), rows)
        place(start, some, rows)
        place_known()
    return found


def batches(pictures: Sequence[Picture], size: int = BATCH) -> list[tuple[int, Sequence[Picture]]]:
    """`size` pictures at a time, each batch with the place of its first."""
    return [(start, pictures[start : start + size]) for start in range(0, len(pictures), size)]


def without_gradients(function: Callable[[Item], Found], item: Item) -> Found:
    """`function(item)`, nothing kept for gradients; on its own, so that it does so on whatever machine computes."""
    with torch.inference_mode():
        return function(item)


def sampled_cells(host: Host, joint: Sequence[Splices], splices: Splices) -> list[int]:
    """Random cells of one circuit's site, as many as every site of the joint splice has."""
    sizes = {each.site: host.site(each.site).height * host.site(each.site).width for each in joint}
    return list(np.random.default_rng(0).permutation(sizes[splices.site])[: min(SAMPLED, *sizes.values())])


def donor_of(pictures: Sequence[Picture], donors: int) -> Tensor:
    """Which donor stands in on each picture: known from its content, so that the batch does not matter."""
    return torch.tensor([int(picture.sha256[:12], 16) % donors for picture in pictures])


def batch_name(pictures: Sequence[Picture]) -> str:
    """What a batch is known by: the content and the label of its pictures."""
    return hashlib.sha256("".join(f"{picture.sha256} {picture.label}\n" for picture in pictures).encode()).hexdigest()


def _rows(
    host: Host,
    joint: Sequence[Splices],
    pictures: Sequence[Picture],
    cells: Sequence[list[int]],
    known: Mapping[str, str],
    cache: Cache | None,
) -> dict[str, np.ndarray]:
    """The rows of every condition: those that are known from the cache, the others computed, and kept where they can be known again."""
    name = batch_name(pictures)
    keys = {condition: known_by(key, name) for condition, key in known.items()}
    kept = {condition: cache.read(ROWS, key) for condition, key in keys.items()} if cache else {}
    found = {condition: rows for condition, rows in kept.items() if rows is not None}
    wanted = [condition for condition in condition_names(joint) if condition not in found]
    for condition, rows in _computed(host, joint, pictures, cells, wanted, cache).items() if wanted else ():
        found[condition] = rows
        if cache and condition in keys:
            cache.write(ROWS, keys[condition], rows)
    first = next(iter(found.values()))
    quantities = {f"{each}/{name}": row for each in condition_names(joint) for name, row in found[each].items() if name != "peak"}
    return {"peak": first["peak"]} | quantities


def _computed(
    host: Host,
    joint: Sequence[Splices],
    pictures: Sequence[Picture],
    cells: Sequence[list[int]],
    wanted: Sequence[str],
    cache: Cache | None,
) -> dict[str, dict[str, np.ndarray]]:
    """The rows of some conditions, each with the trained units' peak. The host and the circuits run no further than these need."""
    x, after, label = batch(pictures, host.input).to(host.device), behind(host, joint), labels(host, pictures)
    conditions = [splices.condition(name) for name in wanted for splices in joint]
    answer = [Part("logits")] if host.has_output else []
    more = [*answer, *(Part("site", name) for name in after), Part("pushed", first_site(host, joint))]
    before, read = any(map(reads_before, conditions)), drives_wanted(conditions)
    donor, circuits = donor_of(pictures, joint[0].donors), [splices.circuits for splices in joint]
    here, seen = scenes_together(host, circuits, x, donor, more, cache, before, read, passing=["before", DRIVES])
    peak = np.concatenate([to_numpy(scene.trained.amax((2, 3))) for scene in here], 1)
    trained, expected = [shared(scene.trained) for scene in here], {part: shared(value) for part, value in seen.items() if part in more}
    sizes = {site: squares(expected[Part("site", site)]) for site in after}
    rows = {}
    for name in wanted:
        saying = [splices.condition(name) for splices in joint]
        values = [condition(scene) for condition, scene in zip(saying, here, strict=True)]
        if all(condition is natural for condition in saying):  # the host itself: that splicing it back changes no bit is for the tests
            logits, reached = seen.get(Part("logits"), torch.empty(0)), {site: seen[Part("site", site)] for site in after}
        else:
            logits, reached = spliced_from(host, x, here, values, seen, *after)
        ranked = cells if name in RANKED else [[] for _ in cells]
        own = [in_numpy(unit_statistics(shared(value), *each)) for value, *each in zip(values, trained, ranked, strict=True)]
        answers = class_statistics(expected[Part("logits")], shared(logits), label) if host.has_output else no_class_statistics(len(x))
        rows[name] = {"peak": peak} | in_numpy(answers) | side_by_side(own)
        for site, size in sizes.items():
            changed = shared(at_least_float32(reached[site])) - expected[Part("site", site)]
            with np.errstate(invalid="ignore"):  # of a site that is silent the share is nan, and needs no warning
                rows[name]["consumer"] = to_numpy(squares(changed) / size)
    return rows


def first_site(host: Host, joint: Sequence[Splices]) -> str:
    """The first site where units are replaced."""
    return min((splices.site for splices in joint), key=list(host.sites).index)


def behind(host: Host, joint: Sequence[Splices]) -> list[str]:
    """The site after the last where units are replaced, if there is one."""
    names = list(host.sites)
    deepest = max(names.index(splices.site) for splices in joint)
    return names[deepest + 1 : deepest + 2]


def labels(host: Host, pictures: Sequence[Picture]) -> Int[Array, " n"]:
    """The class of each picture, -1 where it has no label that the host knows; in the library of the statistics."""
    index = {wordnet_id: i for i, wordnet_id in enumerate(host.classes or ())}
    return placed(np.array([index.get(picture.label or "", -1) for picture in pictures]), host.device)


def _statistics(joint: Sequence[Splices], pictures: Sequence[Picture], rows: dict[str, np.ndarray]) -> Statistics:
    by_condition: dict[str, dict[str, np.ndarray]] = {name: {} for name in condition_names(joint)}
    for key, row in rows.items():
        if key != "peak":
            name, quantity = key.rsplit("/", 1)
            by_condition[name][quantity] = row
    units = tuple(f"{splices.site}:{unit}" for splices in joint for unit in splices.units)
    level = np.concatenate([to_numpy(splices.level) for splices in joint])
    return Statistics(tuple(p.name for p in pictures), tuple(p.sha256 for p in pictures), units, level, rows["peak"], by_condition)
