"""Theories of tokens from Python: what `workbench.load_theory` gives for a file of `input: tokens`.

theory = wb.load_theory("specs/tokens/induction-heads.yaml")
circuit = wb.load_circuit("circuits/tokens/induction/copying.yaml")
result = theory.score(circuit)
print(result.card.part("heads").verdict)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from matplotlib.figure import Figure
from torch import Tensor

from workbench.files import write_whole
from workbench.hosts import Host
from workbench.report.conditions import interval, number
from workbench.report.drawing import png
from workbench.report.frame import frame
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.document import document
from workbench.sequences.files import TokenSpec
from workbench.sequences.report.weights import draw_weights
from workbench.sequences.score import TokenCard, TokenRequest, score_loaded
from workbench.sequences.subject import prepared
from workbench.sequences.weights.compiled_part import CompiledPart, compiled_part
from workbench.sequences.weights.file import write_part
from workbench.work import Work

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class TheoryOfTokens:
    """A theory of a transformer, free of any network. `spec` has its content and its text."""

    spec: TokenSpec

    @property
    def name(self) -> str:
        """The theory's name."""
        return self.spec.theory.theory

    @property
    def families(self) -> tuple[str, ...]:
        """The families, in the order in which they read each other."""
        return tuple(self.spec.theory.families)

    def score(
        self,
        circuit: TokenCircuit,
        host: Host | None = None,
        text: Path | str | None = None,
        parts: tuple[str, ...] = (),
        work: Work = Work(),  # noqa: B008 (frozen)
        use_trained: tuple[str, ...] = (),
    ) -> ResultOfTokens:
        """Splice every part into the network, with ablations, controls and baselines, in memory.

        host   a transformer of any prompt length; loaded by the name in the circuit if not given
        text   a text file, where the circuit declares prompts of texts
        parts  names of parts; all by default
        work   progress and seed
        use_trained  families whose trained units take the handwritten ones' place in a condition
                     each (`trained.FAMILY`)

        Raises WorkbenchError if theory, circuit and host do not fit each other.
        """
        file = None if text is None else Path(text)
        ready = prepared(self.spec, circuit, f"circuit {circuit.circuit}", work.seed, file, host)
        request = TokenRequest(self.spec.path, Path(), only=parts, use_trained=use_trained)
        return ResultOfTokens(score_loaded(self.spec, circuit, *ready, work, request))

    def compile(
        self,
        circuit: TokenCircuit,
        host: Host | None = None,
        part: str | None = None,
        text: Path | str | None = None,
        seed: int = 0,
    ) -> HandwrittenTensors:
        """The weights of a part of this theory in the network's own shapes.

        part  as `score` names it without `.weights`; by default the last one that has weights

        `host` and `text` as in `score`. Raises WorkbenchError for a part that has no weights, and
        if theory, circuit and host do not fit each other.
        """
        file = None if text is None else Path(text)
        ready = prepared(self.spec, circuit, f"circuit {circuit.circuit}", seed, file, host)
        return HandwrittenTensors(compiled_part(self.spec, circuit, *ready, part, seed))

    def _repr_html_(self) -> str:
        """The families and what they read, for notebooks."""
        theory = self.spec.theory
        rows = Markup("").join(
            Markup("<dt><b>{}</b></dt><dd>{}</dd>").format(name, family.units)
            for name, family in theory.families.items()
        )
        about = Markup("<h4>{}</h4><p>{}</p><dl>{}</dl>")
        return str(about.format(theory.theory, theory.about, rows))


@dataclass(frozen=True)
class HandwrittenTensors:
    """A compiled part of a theory of tokens; `compiled` has its numbers and its provenance."""

    compiled: CompiledPart

    def weights(self) -> Mapping[str, Tensor]:
        """Every handwritten tensor by TransformerLens' names; of one head alone `NAME[HEAD]`."""
        return self.compiled.tensors

    @property
    def host(self) -> Host:
        """A copy of the trained network that has these weights."""
        return self.compiled.network

    def show(self) -> Figure:
        """A map of each matrix as a matplotlib figure."""
        return draw_weights(self.compiled.tensors)

    def save(self, path: Path | str) -> Path:
        """Write the tensors as safetensors (docs/circuit-file.md), or a `.png` of their maps."""
        path = Path(path)
        if path.suffix == ".png":
            write_whole(path, png(self.show()))
        else:
            write_part(self.compiled, path)
        return path


@dataclass(frozen=True)
class ResultOfTokens:
    """A scored theory of tokens; `card` has every figure, part by part."""

    card: TokenCard = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The document score.json as plain values (docs/sequences.md)."""
        return document(self.card)

    def to_frame(self) -> pandas.DataFrame:
        """A row for each condition of each part; needs pandas.

        Raises WorkbenchError where pandas is not installed.
        """
        parts = self.to_dict()["parts"]
        rows = {
            (name, condition): row
            for name, part in parts.items()
            for condition, row in part["conditions"].items()
        }
        return frame(rows)

    def _repr_html_(self) -> str:
        """The share that each part recovers, with its verdict, for notebooks."""
        rows = Markup("").join(
            Markup("<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>").format(
                part.name,
                number(part.row("spliced").recovered.value, 3),
                interval(part.row("spliced").recovered.ci95),
                part.verdict,
            )
            for part in self.card.parts
        )
        titles = Markup("").join(
            Markup("<th>{}</th>").format(title)
            for title in ("part", f"recovered {self.card.headline.label}", "95 %", "verdict")
        )
        return str(Markup("<table><tr>{}</tr>{}</table>").format(titles, rows))
