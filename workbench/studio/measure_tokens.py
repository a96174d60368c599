"""The computations of the studio for theories of tokens: patterns, circles, and the quick score.

They are the steps of `workbench.sequences.score`, on few prompts. The network, its prompts, its own
run on those that calibrate, and the survey of its neurons are computed once.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import torch

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.report.drawing import Drawing
from workbench.report.embedding import embedded
from workbench.report.ledger import COLOURS
from workbench.score.uncertainty import Figure
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.compile import compile_tokens
from workbench.sequences.evaluate import evaluate_parts
from workbench.sequences.examples import Examples, evenly, pictured_prompts, surveyed
from workbench.sequences.files import (
    load_token_circuit,
    refuse_unmatched,
    token_theory_from_text,
)
from workbench.sequences.head_examples import head_examples
from workbench.sequences.head_parts import as_layers, handwritten_patterns
from workbench.sequences.neuron_examples import neuron_examples
from workbench.sequences.part_score import PartScore, TokenRow, judged_by, part_score
from workbench.sequences.parts import TokenPart, parts_of
from workbench.sequences.prompt_sets import Prompts
from workbench.sequences.prompts import Prompt
from workbench.sequences.report.drawings import head_drawings, neuron_drawings
from workbench.sequences.report.page import first_words
from workbench.sequences.splice import NaturalRun, natural_run
from workbench.sequences.subject import (
    Subject,
    calibrated_subject,
    network_and_prompts,
    refuse_tuned_on,
    sites_read,
    with_temperature,
)
from workbench.sequences.survey.neurons import NeuronRow
from workbench.splice.conditions import RIVALS, ConditionKind
from workbench.studio.answers import Asked, QuickScore, ReportPicture, ScoreRow

PROMPTS = 64  # evenly chosen of those that are scored
PROMPTS_OF = {"pairs": 256}  # of a kind whose prompts are short
SEED = 0


@torch.no_grad()
def patterns(asked: Asked) -> tuple[ReportPicture, ...]:
    """The report's pictures of attention, for each family of heads. Raises WorkbenchError."""
    subject = _subject(asked)
    prompts, run = _pictured(*_files(asked), sites_read(subject.written))
    circuit, _, _ = _network(*_files(asked))
    heads, middle = subject.written.heads, len(prompts) // 2
    shown = Examples(prompts[middle], len(prompts), {})
    words = first_words(circuit.host, shown.prompt, circuit.prompts)
    pictures = []
    for family in heads:
        made = handwritten_patterns(heads, (family,), run, subject.causal)
        layers = as_layers(heads, made, (family,))
        examples = head_examples(heads, layers, run, subject.causal, middle)
        pictures += [_picture(family, row) for row in head_drawings(family, examples, shown, words)]
    return tuple(pictures)


@torch.no_grad()
def circles(asked: Asked) -> tuple[ReportPicture, ...]:
    """The report's circles of phases and waves, for each family of neurons. Raises WorkbenchError.

    Frequencies that no trained neuron follows are left out.
    """
    subject = _subject(asked)
    _, run = _pictured(*_files(asked), sites_read(subject.written))
    written = subject.written
    pictures = []
    for family, neurons in written.neurons.items():
        alone = replace(written, neurons={family: neurons})
        if rows := neuron_examples(alone, run, _neurons(*_files(asked))):
            pictures += [_picture(family, drawing) for drawing in neuron_drawings(family, rows)]
    return tuple(pictures)


@torch.no_grad()
def quick_score(asked: Asked) -> QuickScore:
    """The recovered headline of each handwritten part and of its best baseline.

    A part without a baseline is compared with the wrong theory that recovers most. The second
    figure is the one that a verdict rests on, such as R2 of the logits. Parts of level "weights"
    are left out. Raises WorkbenchError.
    """
    subject = _subject(asked)
    circuit, _, prompts = _network(*_files(asked))
    chosen = evenly(prompts.scored, PROMPTS_OF.get(circuit.prompts.kind, PROMPTS))
    parts = [_with_rivals(part) for part in parts_of(subject)]
    statistics = evaluate_parts(subject.host, parts, chosen, sites_read(subject.written))
    scores = [
        part_score(part, rows, subject.host, SEED)
        for part, rows in zip(parts, statistics, strict=True)
    ]
    output, judge = subject.host.output, judged_by(subject.host)
    sample, main = f"{len(chosen)} prompts", f"{parts[-1].name}.spliced"
    shown = [(score, row) for score in scores for row in _compared(score)]

    def quick(label: str, figure: Callable[[TokenRow], Figure]) -> QuickScore:
        rows = tuple(_score_row(score.name, row, figure(row)) for score, row in shown)
        return QuickScore(rows, label, sample, main)

    label = f"recovered {output.headline.label}, 0: each part's cheapest ablation"
    made = quick(label, lambda row: row.recovered)
    if judge.key == output.headline.key:
        return made
    second = quick(judge.label, lambda row: Figure(row.quantities[judge.key]))
    return replace(made, second=second)


def _with_rivals(part: TokenPart) -> TokenPart:
    """The part without its controls, if it has a baseline."""
    kinds = {spliced.facts.kind for spliced in part.conditions}
    left_out = ConditionKind.CONTROL if ConditionKind.BASELINE in kinds else None
    kept = [spliced for spliced in part.conditions if spliced.facts.kind is not left_out]
    return replace(part, conditions=tuple(kept))


def _compared(score: PartScore) -> list[TokenRow]:
    """The handwritten part, and its rival that recovers most."""

    def recovered(row: TokenRow) -> float:
        return float("-inf") if row.recovered.value is None else row.recovered.value

    rivals = [row for row in score.rows if row.facts.kind in RIVALS]
    return [score.row("spliced"), *sorted(rivals, key=recovered)[-1:]]


def _score_row(part: str, row: TokenRow, figure: Figure) -> ScoreRow:
    name = row.facts.name
    words = f"{part}: {'handwritten' if name == 'spliced' else name}"
    low, high = figure.ci95 or (None, None)
    colour = COLOURS.get(row.facts.kind, "#555555")
    return ScoreRow(words, f"{part}.{name}", colour, figure.value, low, high, None)


def _picture(family: str, drawing: Drawing) -> ReportPicture:
    shown = embedded(drawing.name, drawing.content(), drawing.alt, drawing.caption)
    return ReportPicture(family, str(shown.markup), shown.caption)


def _subject(asked: Asked) -> Subject:
    """The theory, compiled and calibrated on the prompts that its circuit file declares for it."""
    spec = token_theory_from_text(asked.text, str(asked.path))
    files = _files(asked)
    circuit, host, prompts = _network(*files)
    refuse_unmatched(spec, circuit, files[0])
    refuse_tuned_on(spec, circuit, host, prompts, files[1])
    written = compile_tokens(spec.theory, circuit, shape_of(host).answers)
    host, run = _calibration(*files, sites_read(written))
    return calibrated_subject(spec.theory, written, host, run, SEED)


def _files(asked: Asked) -> tuple[Path, Path | None]:
    """The circuit file, and the text of its prompts. Raises WorkbenchError without a circuit."""
    if asked.circuit_file is None:
        raise WorkbenchError(str(asked.path), "no circuit", "--circuit FILE")
    return asked.circuit_file, asked.prompts_text


@lru_cache(maxsize=1)
def _network(circuit_file: Path, text: Path | None) -> tuple[TokenCircuit, Host, Prompts]:
    circuit = load_token_circuit(circuit_file)
    return circuit, *network_and_prompts(circuit, str(circuit_file), SEED, text)


@lru_cache(maxsize=1)
def _calibration(
    circuit_file: Path, text: Path | None, sites: tuple[str, ...]
) -> tuple[Host, NaturalRun]:
    """The network with its temperature, and its own run on the calibration prompts."""
    _, host, prompts = _network(circuit_file, text)
    run = natural_run(host, prompts.calibration, sites)
    return with_temperature(host, run, prompts), run


@lru_cache(maxsize=1)
def _pictured(
    circuit_file: Path, text: Path | None, sites: tuple[str, ...]
) -> tuple[list[Prompt], NaturalRun]:
    """The prompts whose activations are drawn, and the network's own run on them."""
    circuit, host, prompts = _network(circuit_file, text)
    chosen = pictured_prompts(prompts.scored, circuit.prompts)
    return chosen, natural_run(host, chosen, sites)


@lru_cache(maxsize=1)
def _neurons(circuit_file: Path, text: Path | None) -> Sequence[NeuronRow]:
    return surveyed(_network(circuit_file, text)[1])
