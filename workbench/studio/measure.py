"""The computations of the studio, in a process that stays: kernels, scores and tuning curves.

They are the steps of `workbench.rebuild`, without what a page does not show. The host, the pictures
and the trained circuit are loaded once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from workbench.cache import command_cache, forget
from workbench.compiler import compile_kernels, compile_spec
from workbench.compiler.derived import compile_terms
from workbench.compiler.kept import KEPT
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.calibration import calibrated_each
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.hosts import Host
from workbench.hosts.store import load
from workbench.report.curves import draw_aligned, draw_directions
from workbench.report.kernels import panels_of_layers
from workbench.report.ledger import COLOURS
from workbench.report.summary import SIMPLEST
from workbench.report.svg import svg
from workbench.score.score import Spliced, condition_score, score
from workbench.score.scorecard import ConditionScore
from workbench.spec import Spec, TrainedCircuit, check_pair, load_circuit, theory_from_text
from workbench.spec.written import written_terms
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import ConditionKind
from workbench.studio import stimuli
from workbench.studio.answers import (
    Asked,
    GivenPicture,
    KernelPicture,
    QuickScore,
    ScoreRow,
    StimulusAnswer,
    WorstAnswer,
)
from workbench.studio.panels import kernel_picture
from workbench.studio.worst import answer_of
from workbench.vision.pictures import Picture, first_by_content, photographs
from workbench.vision.tuning import probe_of, tuning
from workbench.vision.worst import differences, most_different, worst_place
from workbench.work import Work

PICTURES = 24  # of the shipped photographs, the first by content hash
SEED = 0
KEPT_BYTES = 256 << 20  # of layers' responses in memory: an edit changes few layers
RUN = "studio"  # the name of the run in the cache


def kernels(asked: Asked) -> tuple[KernelPicture, ...]:
    """A picture of each read, in the order of the families.

    The last family is left out where there is no trained circuit. Raises WorkbenchError.
    """
    spec = _spec(asked)
    if asked.circuit_file is None:
        layers = compile_kernels(spec)
    else:
        trained = _trained(asked.circuit_file)
        layers = compile_spec(spec, trained, _host(trained.host)).layers
    return tuple(
        kernel_picture(family, panel)
        for family, panels in panels_of_layers(layers).items()
        for panel in panels
    )


def quick_score(asked: Asked) -> QuickScore:
    """The recovered headline of trained, silenced and handwritten units, and of the best baseline.

    Raises WorkbenchError.
    """
    run = _run(asked)
    output, statistics = run.host.output, run.statistics
    scores = {
        name: condition_score(statistics, name, output.headline, SEED)
        for name in statistics.conditions
    }
    names = dict(SIMPLEST)
    if best := _best_baseline(scores, output.compared):
        names[best] = f"best baseline ({best.removeprefix('baseline.')})"
    rows = tuple(_row(name, words, scores[name], output.compared) for name, words in names.items())
    label = f"recovered {output.headline.label}" if output.compared else "mean Pearson correlation"
    return QuickScore(rows, label, f"{len(_pictures())} pictures")


def tuning_pictures(asked: Asked) -> dict[str, str]:
    """The report's figures of tuning curves as SVG, by name. Raises WorkbenchError."""
    run = _run(asked)
    probe = probe_of(run.spec.theory)
    curves = tuning(run.host, run.splices, probe=probe, cache=_work().cache)
    spliced = Spliced([run.spec], [run.trained], run.host, [run.splices])
    units = score(spliced, run.statistics, [curves], _calibration()).units
    figures = {"aligned": draw_aligned(units, curves), "directions": draw_directions(units, curves)}
    return {name: svg(figure, name).decode() for name, figure in figures.items()}


def given_picture(name: str, content: bytes, circuit_file: Path) -> GivenPicture:
    """A picture file as a stimulus of the circuit's host. Raises WorkbenchError."""
    return stimuli.given_picture(name, content, _host(_trained(circuit_file).host))


def stimulus_answer(asked: Asked) -> StimulusAnswer:
    """The units' responses to a stimulus. Raises WorkbenchError."""
    run = _run(asked)
    probe = probe_of(run.spec.theory)
    return stimuli.answer_to(asked.stimulus, asked.unit, run.host, run.splices, probe)


def worst_answer(asked: Asked) -> WorstAnswer:
    """The place where the unit, or any unit, is most wrong. Raises WorkbenchError."""
    run = _run(asked)
    units = run.statistics.units
    unit = units.index(asked.unit) if asked.unit in units else None
    picture, unit = most_different(_differences(asked.theory), unit)
    terms = compile_terms(run.spec, run.trained, run.host)
    place = worst_place(run.host, run.splices, terms, _pictures()[picture], unit)
    family = list(run.spec.theory.families)[-1]
    return answer_of(place, tuple(run.statistics.units), written_terms(run.spec, family))


@dataclass(frozen=True)
class _Run:
    """A theory that was spliced and evaluated."""

    spec: Spec
    trained: TrainedCircuit
    host: Host
    splices: Splices
    statistics: Statistics


def _run(asked: Asked) -> _Run:
    return _spliced(asked.theory)


@lru_cache(maxsize=1)  # other views of a theory are asked for after its score
def _spliced(asked: Asked) -> _Run:
    if asked.circuit_file is None:
        raise WorkbenchError(str(asked.path), "no trained circuit", "--circuit FILE")
    spec, trained = _spec(asked), _trained(asked.circuit_file)
    check_pair(spec, trained)
    keep_apart(_pictures(), _calibration(), spec.theory.tuned)
    host, work = _host(trained.host), _work().on_host(trained.host)
    circuits = {"spliced": compile_spec(spec, trained, host)}
    with KEPT.keeping(KEPT_BYTES):
        joint = calibrated_each(host, [circuits], _calibration(), work)
        statistics = evaluate(host, joint, _pictures(), work)
    if work.cache:
        forget(work.cache)
    return _Run(spec, trained, host, joint[0], statistics)


@lru_cache(maxsize=1)  # another unit is asked for by a click
def _differences(asked: Asked) -> np.ndarray:
    run = _run(asked)
    return differences(run.host, run.splices, _pictures())


def _spec(asked: Asked) -> Spec:
    return theory_from_text(asked.text, asked.path, folder=asked.path.parent)


@lru_cache(maxsize=1)
def _work() -> Work:
    return Work(cache=command_cache(RUN))


@lru_cache(maxsize=1)
def _host(name: str) -> Host:
    return load(name)


@lru_cache(maxsize=1)
def _trained(circuit_file: Path) -> TrainedCircuit:
    return load_circuit(circuit_file)


@lru_cache(maxsize=1)
def _pictures() -> tuple[Picture, ...]:
    return _drawn_once(first_by_content(photographs("headline"), PICTURES))


@lru_cache(maxsize=1)
def _calibration() -> tuple[Picture, ...]:
    return _drawn_once(photographs("calibration"))


def _drawn_once(pictures: Sequence[Picture]) -> tuple[Picture, ...]:
    """The pictures, with their pixels in memory from the first time on."""
    return tuple(replace(picture, load=cache(picture.load)) for picture in pictures)


def _best_baseline(scores: dict[str, ConditionScore], compared: bool) -> str | None:
    """The baseline that recovers most; without comparable answers, that correlates best."""

    def value(name: str) -> float:
        figure = scores[name].recovered if compared else scores[name].pearson
        return float("-inf") if figure.value is None else figure.value

    return max(_baselines(scores), key=value, default=None)


def _baselines(scores: dict[str, ConditionScore]) -> Iterator[str]:
    return (name for name, row in scores.items() if row.kind == ConditionKind.BASELINE)


def _row(name: str, words: str, scored: ConditionScore, compared: bool) -> ScoreRow:
    figure = scored.recovered if compared else scored.pearson
    low, high = figure.ci95 or (None, None)
    colour = COLOURS.get(scored.kind, "#555555")
    return ScoreRow(words, name, colour, figure.value, low, high, scored.pearson.value)
