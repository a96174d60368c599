"""Run every condition over pictures.

The host up to the splices and each circuit run once a batch, and each condition only what comes
after the first of them. A joint splice is a sequence of `Splices`, one for each trained circuit;
all of them are replaced in the same run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Int

from workbench.arrays import Array, to_numpy
from workbench.arrays.devices import placed, shared
from workbench.cache import Cache, Kept, cache_key
from workbench.evaluate.batches import BATCH, Rows, Streaming, batch_name, donor_of, streamed
from workbench.evaluate.finite import refuse_answers
from workbench.evaluate.keys import condition_keys
from workbench.evaluate.statistics import (
    RANKED,
    RANKED_ROWS,
    SAMPLED,
    Statistics,
    in_numpy,
    misses,
    positions,
    share_changed,
    side_by_side,
    squares,
    unit_statistics,
)
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices, condition_names
from workbench.splice.conditions import ConditionFacts, Natural, wanted_by
from workbench.splice.inputs import DRIVES, ConditionInputs, joint_inputs
from workbench.splice.natural import Part, Parts, at_least_float32
from workbench.splice.network import site_after, spliced_from, start_of
from workbench.vision.pictures import Picture
from workbench.work import Work

ROWS = "rows"  # the kind of the cache entries of a condition on a batch
BATCHES = "batches"  # the kind of those of all conditions of an unfinished run on a batch
PASSING = frozenset({"before", DRIVES})  # of pictures that are scored: their rows are kept instead
LOGITS = Part("logits")


def evaluate(
    host: Host,
    joint: Sequence[Splices],
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
    size: int = BATCH,
) -> Statistics:
    """The statistics of every condition, all circuits of `joint` replaced together.

    With a cache, what an earlier run computed of the host alone is read back, and so are the rows
    of every condition that is as it was then: an interrupted run continues where it stopped, also
    where the cache is full, as finished batches are kept apart until the run is complete
    (`workbench.cache.forget`). Without a cache nothing is kept, and an interrupted run is lost.
    Raises WorkbenchError for a batch with activations or answers that are not finite.

    The condition "natural" is the host's own run: what splicing it back would change, the check of
    the host has measured (`Splices.check`).
    """
    run = _JointRun.of(host, joint, work.cache)
    how = Streaming(
        kept=run.unfinished,
        progress=work.stage("score", len(pictures)),
        engine=work.engine,
        size=size,
        held=partial(held_of, pictures=len(pictures)),
        summed=_is_moments,
        units=_unit_names(joint),
    )
    rows = streamed(pictures, run.rows, how)
    return _statistics(host, joint, pictures, rows)


def held_of(rows: Rows, start: int, pictures: int) -> Rows:
    """The part of a batch's rows that stays in memory; the batch begins with picture `start`.

    Samples are thinned, so that those of all pictures together have about RANKED_ROWS positions,
    at least one a picture and other ones from picture to picture. The misses of "spliced" are
    added, since its moments may be summed.
    """
    count = max(1, min(SAMPLED, RANKED_ROWS // max(1, pictures)))

    def thinned(row: np.ndarray) -> np.ndarray:
        if row.shape[1] <= count:
            return row
        return row[
            np.arange(len(row))[:, None], _held_samples(start, len(row), count, row.shape[1])
        ]

    held = {
        quantity: thinned(row) if quantity.endswith("/sample") else row
        for quantity, row in rows.items()
    }
    if "spliced/moments" in rows:
        held["spliced/misses"] = misses(rows["spliced/moments"])
    return held


def _held_samples(
    start: int, pictures: int, count: int, of: int
) -> Int[np.ndarray, "picture cell"]:
    """Which `count` of `of` sampled positions are held of each picture, from picture `start` on."""
    picture = start + np.arange(pictures)[:, None]
    return (picture * count + np.arange(count)) % of


def _is_moments(quantity: str) -> bool:
    return quantity.endswith("/moments")


@dataclass(frozen=True)
class _JointRun:
    """Everything that the rows of a batch depend on but its pictures.

    sampled  positions of each circuit's site whose values are kept for rank statistics
    keys     the cache key of each condition that may be cached
    """

    host: Host
    joint: Sequence[Splices]
    sampled: Sequence[Sequence[int]]
    keys: Mapping[str, str]
    cache: Cache | None

    @classmethod
    def of(cls, host: Host, joint: Sequence[Splices], cache: Cache | None) -> "_JointRun":
        """The run of a joint splice."""
        sampled = [sampled_positions(host, joint, splices) for splices in joint]
        keys = condition_keys(host, joint) if cache else {}
        return cls(host, joint, sampled, keys, cache)

    @property
    def unfinished(self) -> Kept | None:
        """Where finished batches are kept until the run is complete.

        None where the rows of conditions are kept for no longer themselves, and where a condition
        may not be cached.
        """
        if not self.cache or not self.cache.unfinished:
            return None
        if set(self.keys) != set(condition_names(self.joint)):
            return None
        key = cache_key(*(part for item in self.keys.items() for part in item))
        return Kept(self.cache.unfinished, BATCHES, key)

    @property
    def start(self) -> Part:
        """The part of the natural run that every splice starts from."""
        return start_of(self.host, [(splices.site, splices.slots) for splices in self.joint])

    def rows(self, pictures: Sequence[Picture]) -> dict[str, np.ndarray]:
        """The rows of every condition: read from the cache, or computed and kept there."""
        names = condition_names(self.joint)
        keys = {name: cache_key(key, batch_name(pictures)) for name, key in self.keys.items()}
        kept = (
            {name: self.cache.read(ROWS, key) for name, key in keys.items()} if self.cache else {}
        )
        by_name: dict[str, Rows] = {name: rows for name, rows in kept.items() if rows is not None}
        wanted = [name for name in names if name not in by_name]
        for name, rows in self._computed(pictures, wanted).items() if wanted else ():
            by_name[name] = rows
            if self.cache and name in keys:
                self.cache.write(ROWS, keys[name], rows)
        first = next(iter(by_name.values()))
        quantities = {
            f"{name}/{quantity}": row
            for name in names
            for quantity, row in by_name[name].items()
            if quantity != "peak"
        }
        return {"peak": first["peak"]} | quantities

    @np.errstate(invalid="ignore")  # `streamed` refuses rows that are not finite
    def _computed(self, pictures: Sequence[Picture], wanted: Sequence[str]) -> dict[str, Rows]:
        """The rows of some conditions, each with the trained units' peak.

        The host and the circuits run no further than these need.
        """
        host, joint = self.host, self.joint
        run = _BatchRun.of(self, pictures, wanted)
        peak = np.concatenate(
            [to_numpy(inputs.trained.amax(positions(inputs.trained))) for inputs in run.inputs], 1
        )
        rows: dict[str, Rows] = {}
        for name in wanted:
            conditions = [splices.condition(name) for splices in joint]
            values = [
                condition(inputs) for condition, inputs in zip(conditions, run.inputs, strict=True)
            ]
            if all(type(condition) is Natural for condition in conditions):
                answer, reached = run.natural_answer()  # `check_host` has measured a splice
            else:
                answer, reached = spliced_from(
                    host, run.x, run.inputs, values, run.natural, *run.after
                )
            rows[name] = {"peak": peak, **run.compared(name, values, answer, reached)}
        return rows


@dataclass(frozen=True)
class _BatchRun:
    """The natural run on one batch, and what conditions are compared with."""

    run: _JointRun
    x: torch.Tensor
    after: Sequence[str]
    targets: Array
    inputs: Sequence[ConditionInputs]
    natural: Parts
    expected: Mapping[Part, Array]
    after_squares: Mapping[str, Array]

    @classmethod
    def of(cls, run: _JointRun, pictures: Sequence[Picture], names: Sequence[str]) -> "_BatchRun":
        """Run the host and the circuits as far as these conditions need."""
        host, joint = run.host, run.joint
        x = host.input.batch(pictures).to(host.device)
        after = site_after(host, [splices.site for splices in joint])
        more = (
            *([LOGITS] if host.output.compared else []),
            *(Part("site", site) for site in after),
            run.start,
        )
        conditions = [splices.condition(name) for name in names for splices in joint]
        wanted = replace(wanted_by(conditions), more=more, passing=PASSING)
        donor = donor_of(pictures, joint[0].donors)
        circuits = [splices.circuits for splices in joint]
        inputs, natural = joint_inputs(host, circuits, x, donor, wanted, run.cache)
        expected = {part: shared(value) for part, value in natural.items() if part in more}
        after_squares = {site: squares(expected[Part("site", site)]) for site in after}
        if host.output.compared:
            refuse_answers(host, natural[LOGITS])
        targets = placed(host.output.targets(pictures), host.device)
        return cls(run, x, after, targets, inputs, natural, expected, after_squares)

    def natural_answer(self) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The host's own answer, and its activation at the site after the splices."""
        answer = self.natural.get(LOGITS, torch.empty(0))
        return answer, {site: self.natural[Part("site", site)] for site in self.after}

    def compared(
        self,
        name: str,
        values: Sequence[torch.Tensor],
        answer: torch.Tensor,
        reached: Mapping[str, torch.Tensor],
    ) -> Rows:
        """The rows of one condition: units, answers, and the site after."""
        sampled = self.run.sampled if name in RANKED else [() for _ in values]
        units = [
            in_numpy(unit_statistics(shared(value), shared(inputs.trained), chosen))
            for value, inputs, chosen in zip(values, self.inputs, sampled, strict=True)
        ]
        output = self.run.host.output
        if output.compared:
            answers = output.statistics(self.expected[LOGITS], shared(answer), self.targets)
        else:
            answers = output.statistics(None, None, self.targets)
        rows = in_numpy(answers) | side_by_side(units)
        for site in self.after:
            reached_at = shared(at_least_float32(reached[site]))
            changed = reached_at - self.expected[Part("site", site)]
            rows["consumer"] = to_numpy(share_changed(changed, self.after_squares[site]))
        return rows


def sampled_positions(host: Host, joint: Sequence[Splices], splices: Splices) -> list[int]:
    """Random positions of one circuit's site, as many as every site of the joint splice has."""
    counts = {other.site: host.site(other.site).layout.positions for other in joint}
    order = np.random.default_rng(0).permutation(counts[splices.site])
    return list(order[: min(SAMPLED, *counts.values())])


def sampled_at_border(
    host: Host, joint: Sequence[Splices], splices: Splices, pictures: int, count: int
) -> Bool[np.ndarray, "picture cell"]:
    """Whether each sampled position that is held lies at the border of one circuit's site.

    At the border are the first and the last positions along every axis. `count` positions are held
    of each of the `pictures`.
    """
    shape = host.site(splices.site).layout.shape
    ends = (
        (index == 0) | (index == size - 1)
        for index, size in zip(np.indices(shape), shape, strict=True)
    )
    border = np.any(list(ends), axis=0).ravel()
    sampled = np.array(sampled_positions(host, joint, splices))
    return border[sampled][_held_samples(0, pictures, count, len(sampled))]


def _statistics(
    host: Host,
    joint: Sequence[Splices],
    pictures: Sequence[Picture],
    rows: dict[str, np.ndarray],
) -> Statistics:
    names = condition_names(joint)
    by_condition: dict[str, dict[str, np.ndarray]] = {name: {} for name in names}
    for key, row in rows.items():
        if key != "peak":
            name, quantity = key.rsplit("/", 1)
            by_condition[name][quantity] = row
    return Statistics(
        names=tuple(picture.name for picture in pictures),
        sha256s=tuple(picture.sha256 for picture in pictures),
        units=_unit_names(joint),
        level=np.concatenate([to_numpy(splices.level) for splices in joint]),
        peak=rows["peak"],
        rows=by_condition,
        quantities=host.output.quantities,
        conditions={name: facts_of(joint, name) for name in names},
    )


def _unit_names(joint: Sequence[Splices]) -> tuple[str, ...]:
    return tuple(f"{splices.site}:{unit}" for splices in joint for unit in splices.units)


def facts_of(joint: Sequence[Splices], name: str) -> ConditionFacts:
    """The facts of a condition that any of the circuits has."""
    return next(splices.conditions[name].facts for splices in joint if name in splices.conditions)
