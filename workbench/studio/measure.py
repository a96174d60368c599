"""The computations of the studio, in a process that stays: kernels, scores and tuning curves.

They are the steps of `workbench.rebuild`, without what a page does not show. The host, the pictures
and the trained circuit are loaded once.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from workbench.cache import command_cache, forget
from workbench.compiler import compile_kernels, compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.calibration import calibrated_each
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.hosts import Host
from workbench.hosts.store import load
from workbench.report.curves import draw_aligned, draw_directions
from workbench.report.kernels import frame_axis, panels_of_layers
from workbench.report.ledger import COLOURS
from workbench.report.summary import SIMPLEST
from workbench.report.svg import svg
from workbench.score.score import Spliced, condition_score, score
from workbench.score.scorecard import ConditionScore
from workbench.spec import Spec, TrainedCircuit, check_pair, load_circuit, theory_from_text
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import ConditionKind, natural
from workbench.studio.answers import (
    ARC,
    Asked,
    KernelPicture,
    QuickScore,
    Response,
    ScoreRow,
    StimulusAnswer,
)
from workbench.studio.panels import kernel_picture, png
from workbench.vision.pictures import Picture, first_by_content, photographs
from workbench.vision.tuning import answers, probe_of, tuning
from workbench.work import Work

PICTURES = 24  # of the shipped photographs, the first by content hash
SEED = 0
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
    return QuickScore(rows, label, len(_pictures()))


def tuning_pictures(asked: Asked) -> dict[str, str]:
    """The report's figures of tuning curves as SVG, by name. Raises WorkbenchError."""
    run = _run(asked)
    probe = probe_of(run.spec.theory)
    curves = tuning(run.host, run.splices, probe=probe, cache=_work().cache)
    spliced = Spliced([run.spec], [run.trained], run.host, [run.splices])
    units = score(spliced, run.statistics, [curves], _calibration()).units
    figures = {"aligned": draw_aligned(units, curves), "directions": draw_directions(units, curves)}
    return {name: svg(figure, name).decode() for name, figure in figures.items()}


def stimulus_answer(asked: Asked) -> StimulusAnswer:
    """The highest activation of each unit within one cell of the stimulus's apex.

    The stimulus is the first variant of the theory's tuning curves. Raises WorkbenchError.
    """
    run, stimulus = _run(asked), asked.stimulus
    drawing, front, back = next(iter(probe_of(run.spec.theory).variants.values()))
    drawn: list[tuple[np.ndarray, tuple[float, float]]] = []

    def draw(size_px: int, apex_px: tuple[float, float], *pose: float, **paint: Any) -> np.ndarray:
        drawn.append((drawing(size_px, apex_px, *pose, **paint), apex_px))
        return drawn[-1][0]

    peaks = answers(
        run.host,
        {"spliced": run.splices.circuits["spliced"]},
        {"trained": natural, "handwritten": run.splices.conditions["spliced"]},
        (draw, front, back),
        stimulus.radius_px,
        np.array([stimulus.centre_deg]),
    )
    (rgb, apex_px), units = drawn[0], run.splices.circuits["spliced"].layers[-1].units
    directions = units.column(frame_axis(units))
    rows = zip(units.names, directions, peaks["trained"][0], peaks["handwritten"][0], strict=True)
    responses = sorted(
        (Response(name, *map(float, figures)) for name, *figures in rows),
        key=lambda response: response.direction_deg,
    )
    return StimulusAnswer(stimulus, png(rgb), len(rgb), apex_px, tuple(responses))


@dataclass(frozen=True)
class _Run:
    """A theory that was spliced and evaluated."""

    spec: Spec
    trained: TrainedCircuit
    host: Host
    splices: Splices
    statistics: Statistics


def _run(asked: Asked) -> _Run:
    return _spliced(replace(asked, stimulus=ARC))


@lru_cache(maxsize=1)  # other views of a theory are asked for after its score
def _spliced(asked: Asked) -> _Run:
    if asked.circuit_file is None:
        raise WorkbenchError(str(asked.path), "no trained circuit", "--circuit FILE")
    spec, trained = _spec(asked), _trained(asked.circuit_file)
    check_pair(spec, trained)
    keep_apart(_pictures(), _calibration(), spec.theory.tuned)
    host, work = _host(trained.host), _work().on_host(trained.host)
    circuits = {"spliced": compile_spec(spec, trained, host)}
    joint = calibrated_each(host, [circuits], _calibration(), work)
    statistics = evaluate(host, joint, _pictures(), work)
    if work.cache:
        forget(work.cache)
    return _Run(spec, trained, host, joint[0], statistics)


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
