"""The computations of the studio for theories of tokens: patterns, circles, and the quick score.

They are the steps of `workbench.sequences.score`, on few prompts. The network, its prompts and its
own runs are computed once (`token_network`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from workbench.evaluate.statistics import Statistics
from workbench.hosts.output import Quantity
from workbench.report.drawing import Drawing
from workbench.report.embedding import embedded
from workbench.report.ledger import COLOURS
from workbench.score.recovery import recovered
from workbench.score.uncertainty import Figure
from workbench.sequences.evaluate import evaluate_parts
from workbench.sequences.examples import Examples, evenly
from workbench.sequences.head_examples import head_examples
from workbench.sequences.head_parts import as_layers, handwritten_patterns
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.neuron_examples import neuron_examples
from workbench.sequences.part import TokenPart
from workbench.sequences.part_score import judged_by, mean_figure, names_of, nearest_to_network
from workbench.sequences.parts import parts_of
from workbench.sequences.report.drawings import head_drawings, neuron_drawings
from workbench.sequences.report.page import first_words
from workbench.sequences.subject import Subject, sites_read
from workbench.splice.conditions import RIVALS, ConditionKind
from workbench.studio import token_network as given
from workbench.studio.answers import Asked, QuickScore, ReportPicture, ScoreRow

PROMPTS = 64  # evenly chosen of those that are scored
PROMPTS_OF = {"pairs": 256}  # of a kind whose prompts are short


@torch.no_grad()
def patterns(asked: Asked) -> tuple[ReportPicture, ...]:
    """The report's pictures of attention, for each family of heads. Raises WorkbenchError.

    Those of a family that an edit leaves as it was are not drawn again.
    """
    subject = given.subject(asked)
    prompts, run = given.pictured(*given.files_of(asked), sites_read(subject.written))
    circuit, _, _ = given.network(*given.files_of(asked))
    shown = Examples(prompts[len(prompts) // 2], len(prompts), {})
    words = first_words(circuit.host, shown.prompt, circuit.prompts)
    drawn = {family: _drawn(family, subject, run, shown, words) for family in subject.written.heads}
    _DRAWN.clear()
    _DRAWN.update(drawn)
    return tuple(picture for of_family in drawn.values() for picture in of_family.pictures)


@dataclass(frozen=True)
class _Drawn:
    """The handwritten patterns of a family on a run, `n head q k`, and their pictures."""

    run: NaturalRun
    patterns: Tensor
    pictures: tuple[ReportPicture, ...]


_DRAWN: dict[str, _Drawn] = {}  # of the last theory, by family


def _drawn(
    family: str, subject: Subject, run: NaturalRun, shown: Examples, words: Sequence[str] | None
) -> _Drawn:
    heads, causal = subject.written.heads, subject.causal
    made = handwritten_patterns(heads, (family,), run, causal)
    last = _DRAWN.get(family)
    if last and last.run is run and torch.equal(last.patterns, made[family]):
        return last
    layers = as_layers(heads, made, (family,))
    examples = head_examples(heads, layers, run, causal, shown.count // 2)
    drawings = head_drawings(family, examples, shown, words)
    return _Drawn(run, made[family], tuple(_picture(family, drawing) for drawing in drawings))


@torch.no_grad()
def circles(asked: Asked) -> tuple[ReportPicture, ...]:
    """The report's circles of phases and waves, for each family of neurons. Raises WorkbenchError.

    Frequencies that no trained neuron follows are left out.
    """
    subject = given.subject(asked)
    _, run = given.pictured(*given.files_of(asked), sites_read(subject.written))
    written = subject.written
    pictures = []
    for family, neurons in written.neurons.items():
        alone = replace(written, neurons={family: neurons})
        if rows := neuron_examples(alone, run, given.neurons(*given.files_of(asked))):
            pictures += [_picture(family, drawing) for drawing in neuron_drawings(family, rows)]
    return tuple(pictures)


@torch.no_grad()
def quick_score(asked: Asked) -> QuickScore:
    """The recovered headline of each handwritten part and of its best baseline.

    A part without a baseline is compared with the wrong theory that recovers most. The second
    figure is the one that a verdict rests on, such as R2 of the logits. Parts of level "weights"
    are left out. Raises WorkbenchError.
    """
    subject = given.subject(asked)
    circuit, _, prompts = given.network(*given.files_of(asked))
    chosen = evenly(prompts.scored, PROMPTS_OF.get(circuit.prompts.kind, PROMPTS))
    parts = [_with_rivals(part) for part in parts_of(subject)]
    host = subject.host
    statistics = evaluate_parts(host, parts, chosen, sites_read(subject.written))
    headline, judge = host.output.headline, judged_by(host)
    compared = [
        row
        for part, rows in zip(parts, statistics, strict=True)
        for row in _compared(part, rows, headline.name)
    ]
    sample, main = f"{len(chosen)} prompts", f"{parts[-1].name}.spliced"
    label = f"recovered {headline.label}, 0: each part's cheapest ablation"
    first = QuickScore(tuple(row.recovered(headline) for row in compared), label, sample, main)
    if judge.key == headline.key:
        return first
    means = tuple(row.mean(judge) for row in compared)
    return replace(first, second=QuickScore(means, judge.label, sample, main))


def _with_rivals(part: TokenPart) -> TokenPart:
    """The part without its controls, if it has a baseline."""
    kinds = {spliced.facts.kind for spliced in part.conditions}
    left_out = ConditionKind.CONTROL if ConditionKind.BASELINE in kinds else None
    kept = [spliced for spliced in part.conditions if spliced.facts.kind is not left_out]
    return replace(part, conditions=tuple(kept))


@dataclass(frozen=True)
class _Compared:
    """A condition of a part, and the ablation that recovers 0."""

    part: str
    name: str
    rows: Statistics
    cheapest: str

    def recovered(self, headline: Quantity) -> ScoreRow:
        """How much of the headline is recovered."""
        names = self.name, self.cheapest, headline.name
        return self._row(recovered(self.rows, *names, seed=given.SEED))

    def mean(self, quantity: Quantity) -> ScoreRow:
        """The mean of a quantity."""
        return self._row(mean_figure(self.rows, self.name, quantity, given.SEED))

    def _row(self, figure: Figure) -> ScoreRow:
        words = "handwritten" if self.name == "spliced" else self.name
        low, high = figure.ci95 or (None, None)
        return ScoreRow(
            f"{self.part}: {words}",
            f"{self.part}.{self.name}",
            COLOURS.get(self.rows.conditions[self.name].kind, "#555555"),
            figure.value,
            low,
            high,
            None,
        )


def _compared(part: TokenPart, rows: Statistics, headline: str) -> list[_Compared]:
    """The handwritten part, and its rival that recovers most."""
    cheapest = nearest_to_network(rows, names_of(part, ConditionKind.ABLATION), headline)
    rivals = names_of(part, *RIVALS)
    best = [nearest_to_network(rows, rivals, headline)] if rivals else []
    return [_Compared(part.name, name, rows, cheapest) for name in ("spliced", *best)]


def _picture(family: str, drawing: Drawing) -> ReportPicture:
    shown = embedded(drawing.name, drawing.content(), drawing.alt, drawing.caption)
    return ReportPicture(family, str(shown.markup), shown.caption)
