"""Writes a tuned spec: fitted numbers in place, and all other text as it was.

Beside it lie its ledger, which records what was fitted on what, and a plot of the fit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.cache import Cache, Kept, cache_key
from workbench.code import code_version
from workbench.compiler import compile_spec
from workbench.compiler.bind import Bound, refuse_unbindable
from workbench.compiler.compile import refuse_strange
from workbench.errors import WorkbenchError, nearest
from workbench.evaluate.calibration import checked, stream_inputs
from workbench.files import file_mode, is_stream, write_whole
from workbench.hosts.host import Host
from workbench.hosts.named import cache_of
from workbench.hosts.store import load
from workbench.report.svg import svg
from workbench.spec import (
    Spec,
    SpecError,
    TrainedCircuit,
    load_circuit,
    load_theory,
    numbers,
    theory_from_text,
    with_tuned,
)
from workbench.spec.problems import Path as Keys
from workbench.spec.problems import key_text
from workbench.splice.calibrate import rows, sample_positions
from workbench.splice.conditions import fitted_activation
from workbench.splice.link import link_of
from workbench.tune.ledger import (
    beside,
    circuit_rows,
    ledger_facts,
    with_ledger,
    without_ledger,
    write_both,
)
from workbench.tune.plot import draw_history
from workbench.tune.result import FittedCircuit, FittedNumber, TunedSpec
from workbench.tune.settings import TuneSettings
from workbench.tune.tune import Tuning, tune
from workbench.vision.pictures import Picture, first_by_content
from workbench.work import Work


def tuned_spec(
    spec_file: Path,
    circuit_files: Sequence[Path],
    pictures: Sequence[Picture],
    output: Path,
    settings: TuneSettings,
    work: Work = Work(),  # noqa: B008
) -> TunedSpec:
    """Write the tuned spec to `output`, and its ledger and a plot of the fit beside it.

    With a cache in `work`, the host's answers on a batch, before and after, are not computed again;
    the seed is that of `settings`. Raises WorkbenchError, before any work, if the spec marks
    nothing `tune`, lacks a family of `settings.hold`, or has no place for its ledger's name; if a
    circuit is there twice; or if `output` is a stream, beside which no file can lie.
    """
    spec, trained = load_theory(spec_file), [load_circuit(file) for file in circuit_files]
    circuits = [(circuit, load(circuit.host)) for circuit in trained]
    body = without_ledger(spec.text)
    before = {key_text(path): number.tune for path, number in numbers(spec.theory) if number.tuned}
    _refuse_untunable(spec, body, before, settings.hold)
    _refuse_twice(circuit_files, trained)
    _refuse_stream(output)
    for circuit, host in circuits:
        _refuse_unbound(spec, circuit, host, settings.bound)
    chosen = first_by_content(pictures, settings.most)
    compared = _Compared(circuits, chosen, work)
    first = compared.agreements("before", spec)
    kept = _kept(spec, circuits, chosen, settings, work.cache)
    tuning = _fitted(spec, circuits, chosen, settings, work, kept)
    text = with_tuned(body, tuning.values)
    facts = ledger_facts(spec, trained, before, chosen, settings)

    def ledger(last: Sequence[float]) -> dict[str, Any]:
        return {"circuits": circuit_rows(trained, tuning.poses, first, last), **facts}

    tuned = theory_from_text(with_ledger(text, ledger(first)), spec_file)
    last = compared.agreements("after", tuned)
    plot = beside(output, ".tuning.svg")
    write_whole(plot, svg(draw_history(tuning.history), "tuning"))
    return TunedSpec(
        spec=output,
        ledger=write_both(output, text, spec.theory.theory, ledger(last)),
        plot=plot,
        circuits=tuple(
            FittedCircuit(file, circuit.host, circuit.sha256, *agreements)
            for file, circuit, *agreements in zip(circuit_files, trained, first, last, strict=True)
        ),
        numbers=_fitted_numbers(spec, tuning.values),
    )


def _fitted_numbers(spec: Spec, values: Mapping[Keys, float]) -> tuple[FittedNumber, ...]:
    """The numbers that were fitted, in the order of the spec."""
    return tuple(
        FittedNumber(key_text(path), number.tune, values[path], number.min, number.max)
        for path, number in numbers(spec.theory)
        if path in values and number.min is not None and number.max is not None
    )


def agreement(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    pictures: Sequence[Picture],
    progress: Callable[[int], None],
    cache: Cache | None = None,
) -> float:
    """Mean over units of the Pearson correlation between handwritten and trained activations.

    Gain and bias are calibrated on the same sampled positions.
    """
    circuits = {"spliced": compile_spec(spec, trained, host)}
    work = Work(cache=cache_of(host.name, cache))
    checked(host, [circuits], pictures, work)
    inputs = stream_inputs(host, circuits, pictures, work, progress=progress)
    link = link_of(host.site(trained.site))
    sample, _ = sample_positions(inputs, np.random.default_rng(0), link)
    activation = fitted_activation(link, sample.drives["spliced"], sample.trained)
    columns = (rows(values).double().numpy().T for values in (activation, sample.trained))
    pairs = zip(*columns, strict=True)
    return float(
        np.mean(
            [np.corrcoef(a, b)[0, 1] if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0 for a, b in pairs]
        )
    )


@dataclass(frozen=True)
class _Compared:
    """Circuits and pictures on which specs are compared."""

    circuits: Sequence[tuple[TrainedCircuit, Host]]
    pictures: Sequence[Picture]
    work: Work

    def agreements(self, name: str, spec: Spec) -> list[float]:
        """The agreement of a spec with each circuit; `name` is that of the stage."""
        advance = self.work.stage(name, len(self.pictures) * len(self.circuits))
        return [
            agreement(spec, trained, host, self.pictures, advance, self.work.cache)
            for trained, host in self.circuits
        ]


def _fitted(
    spec: Spec,
    circuits: Sequence[tuple[TrainedCircuit, Host]],
    pictures: Sequence[Picture],
    settings: TuneSettings,
    work: Work,
    kept: Kept,
) -> Tuning:
    advance = work.stage("tune", settings.steps)
    return tune(
        spec.theory,
        circuits,
        pictures,
        settings,
        on_step=lambda done, correlation: advance(done, f"batch {correlation:.2f}"),
        kept=kept,
    )


def _kept(
    spec: Spec,
    circuits: Sequence[tuple[TrainedCircuit, Host]],
    pictures: Sequence[Picture],
    settings: TuneSettings,
    cache: Cache | None,
) -> Kept:
    """Where the state of a fit is kept, under everything that its numbers depend on."""
    for _, host in circuits:
        cache = cache_of(host.name, cache)
    facts = [word for trained, host in circuits for word in (trained.sha256, host.facts)]
    numeric = (settings.steps, settings.seed, settings.rate, settings.with_poses)
    hashes = [picture.sha256 for picture in pictures]
    bound = [f"{family} {units.sha256}" for family, units in settings.bound.items()]
    weights = (*bound, settings.weights) if bound else ()
    key = cache_key(
        code_version(), spec.sha256, *facts, *numeric, *settings.hold, *weights, *hashes
    )
    return Kept(cache, "tuning", key)


def _refuse_twice(files: Sequence[Path], trained: Sequence[TrainedCircuit]) -> None:
    """Raises WorkbenchError for a circuit that is given twice, as it would count double."""
    first: dict[str, Path] = {}
    for file, circuit in zip(files, trained, strict=True):
        if circuit.sha256 in first:
            raise WorkbenchError(
                str(file), f"the same circuit as {first[circuit.sha256]}", "each circuit once"
            )
        first[circuit.sha256] = file


def _refuse_unbound(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound) -> None:
    """Raises WorkbenchError for units of another host, or that a family cannot be bound to."""
    for units in bound.values():
        refuse_strange(units, host)
    refuse_unbindable(spec, trained, host, bound)


def _refuse_stream(output: Path) -> None:
    """Raises WorkbenchError for a terminal, /dev/null or /dev/stdout."""
    if is_stream(output, file_mode(output)):
        raise WorkbenchError(
            str(output), "is no file", "a file to write, with its ledger beside it"
        )


def _refuse_untunable(
    spec: Spec, body: str, before: Mapping[str, float], hold: Sequence[str]
) -> None:
    if not before:
        raise WorkbenchError(
            str(spec.path), "marks nothing to tune", "numbers written {tune: 5, min: 3, max: 8}"
        )
    for family in hold:
        if family not in spec.theory.families:
            raise WorkbenchError(
                str(spec.path),
                f"no family {family!r} to hold",
                remedy=nearest(family, spec.theory.families),
            )
    try:
        kept = theory_from_text(with_ledger(body, None), spec.path).theory
    except SpecError:
        kept = None
    if kept is None or kept.model_dump(exclude={"tuned"}) != spec.theory.model_dump(
        exclude={"tuned"}
    ):
        raise WorkbenchError(
            str(spec.path),
            "has no place for the name of its ledger at its end",
            "keys line by line, not in braces",
        )
