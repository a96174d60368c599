"""The workbench from Python: what the command line does, in memory and in notebooks.

`import workbench as wb` offers the functions of this module under the same names:

    theory = wb.load_theory("curve-detectors")
    circuit = wb.load_circuit("squeezenet/curve")
    result = theory.score(circuit, quick=True)
    print(result.to_dict()["recovered"]["kl"])

docs/python.md is its page; a test runs the examples there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from matplotlib.figure import Figure

from workbench.compiler import HandwrittenCircuit, compile_spec, write_circuit
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import calibrated
from workbench.hosts import Host
from workbench.hosts import host_from_module as host_from_module
from workbench.hosts.store import load, pull
from workbench.rebuild import RebuildRequest, Run, counted, run_loaded
from workbench.report import write_report
from workbench.report.frame import frame
from workbench.report.kernels import draw_kernels, save_kernels
from workbench.report.ledger import draw_ledger
from workbench.report.notebook import circuit_html, scorecard_html, theory_html
from workbench.result_folder import folder_written_whole
from workbench.score.document import document
from workbench.score.scorecard import Scorecard
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.door import TheoryOfTokens
from workbench.sequences.files import is_of_tokens, load_token_circuit, load_token_theory
from workbench.shipped import given_or_shipped
from workbench.spec import Spec, TrainedCircuit, theory_from_text
from workbench.spec import load_circuit as read_trained_circuit
from workbench.spec import load_theory as read_theory
from workbench.splice.calibrate import Splices
from workbench.splice.network import SplicedNetwork
from workbench.vision.pictures import Picture, first_by_content, folder, photographs
from workbench.work import Work

if TYPE_CHECKING:
    import pandas


def load_host(name: str, download: bool = False) -> Host:
    """A trained network by its name, such as "squeezenet", frozen and in eval mode.

    With `download` it is fetched first if it is not installed (`workbench hosts pull`). Raises
    WorkbenchError for an unknown name, and for a network that is not installed or was altered.
    """
    if download:
        pull(name)
    return load(name)


def load_theory(source: Path | str, folder: Path | str | None = None) -> Theory | TheoryOfTokens:
    """A theory: a YAML file, the name of a shipped theory, or YAML text of more than one line.

    A file of `input: tokens` gives a theory of tokens, whose `score` takes a circuit of tokens. A
    text of a tuned theory names its ledger, a file in `folder`. Raises WorkbenchError that lists
    every problem.
    """
    if isinstance(source, str) and "\n" in source:
        return Theory(theory_from_text(source, folder=folder))
    file = given_or_shipped(source)
    if is_of_tokens(file):
        return TheoryOfTokens(load_token_theory(file))
    return Theory(read_theory(file))


def load_circuit(file: Path | str) -> TrainedCircuit | TokenCircuit:
    """A trained circuit: its host, its site, and the poses of its units.

    `file` is a circuit file, or the name of a shipped one such as "squeezenet/curve". A file of
    `input: tokens` gives a circuit of tokens. Raises WorkbenchError that lists every problem.
    """
    path = given_or_shipped(file)
    return load_token_circuit(path) if is_of_tokens(path) else read_trained_circuit(path)


def load_pictures(path: Path | str, most: int | None = None) -> list[Picture]:
    """The pictures of a folder, or the `most` of them whose SHA-256 come first.

    Raises WorkbenchError that names every file that is no sound picture.
    """
    pictures = folder(path)
    return pictures if most is None else first_by_content(pictures, most)


@dataclass(frozen=True)
class Theory:
    """A theory of a family of units, free of any network. `spec` has its content and its text."""

    spec: Spec

    @property
    def name(self) -> str:
        """The theory's name."""
        return self.spec.theory.theory

    @property
    def families(self) -> tuple[str, ...]:
        """The families of features, in the order in which they read each other."""
        return tuple(self.spec.theory.families)

    def compile(self, circuit: TrainedCircuit, host: Host | None = None) -> Handwritten:
        """The weights of this theory for the units of a trained circuit.

        `host` is loaded by the name in the circuit file if it is not given. Raises WorkbenchError
        if theory, circuit and host do not fit each other.
        """
        host = host or load(circuit.host)
        return Handwritten(compile_spec(self.spec, circuit, host), host)

    def score(
        self,
        circuit: TrainedCircuit,
        pictures: Sequence[Picture] | None = None,
        calibration: Sequence[Picture] | None = None,
        host: Host | None = None,
        compare_with: Sequence[Theory] = (),
        quick: bool = False,
        work: Work = Work(),  # noqa: B008 (frozen)
    ) -> Result:
        """Compile, splice, and compare with ablations, controls and baselines, in memory.

        pictures      what figures are means over; by default photographs that scikit-image ships
        calibration   other pictures, on which the gain and the bias of each unit are fitted
        host          loaded by the name in the circuit file if it is not given
        compare_with  other theories of the same units, scored as conditions
        quick         leave out variants, the controls made from the theory's circuits, and the
                      visualisations of units
        work          progress, cache, seed and device; by default none, none, 0 and the processor

        Raises WorkbenchError if theory, circuit and host do not fit each other, or if a picture is
        among those that the theory was fitted on.
        """
        request = RebuildRequest(
            files=(),
            pictures=photographs("headline") if pictures is None else pictures,
            calibration=photographs("calibration") if calibration is None else calibration,
            quick=quick,
        )
        others = [theory.spec for theory in compare_with]
        run = run_loaded(
            request, [self.spec], [circuit], host or load(circuit.host), others, {}, work
        )
        return Result(counted(run, others, work))

    def _repr_html_(self) -> str:
        """The theory in words, for notebooks."""
        return theory_html(self.spec)


@dataclass(frozen=True)
class Handwritten:
    """A compiled theory: `circuit` has its weights, `host` is the network it was compiled for."""

    circuit: HandwrittenCircuit
    host: Host = field(repr=False)

    def weights(self) -> Mapping[str, torch.Tensor]:
        """Every weight tensor `out in kh kw`, by "family <- source"."""
        return {
            f"{layer.family} <- {read.source}": read.weight
            for layer in self.circuit.layers
            for read in layer.reads
        }

    def calibrate(
        self,
        pictures: Sequence[Picture] | None = None,
        work: Work = Work(),  # noqa: B008 (frozen)
    ) -> Calibrated:
        """Fit a gain and a bias of each unit on pictures; by default the shipped photographs."""
        chosen = photographs("calibration") if pictures is None else pictures
        return Calibrated(calibrated(self.host, self.circuit, chosen, work), self.host)

    def show(self, family: str | None = None) -> Figure:
        """The kernels of all families, or of one, as a matplotlib figure.

        Raises KeyError for a family that the circuit does not have.
        """
        return draw_kernels(self.circuit, family)

    def save(self, path: Path | str) -> Path:
        """Write the circuit as safetensors (docs/circuit-file.md), or a `.png` of its kernels."""
        path = Path(path)
        if path.suffix == ".png":
            save_kernels(self.circuit, path)
        else:
            write_circuit(self.circuit, path)
        return path

    def _repr_html_(self) -> str:
        """The families and their kernels, for notebooks."""
        return circuit_html(self.circuit)


@dataclass(frozen=True)
class Calibrated:
    """A handwritten circuit whose units have a gain and a bias, and its controls."""

    splices: Splices = field(repr=False)
    host: Host = field(repr=False)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that `splice` knows, such as "spliced" and "ablated.zero"."""
        return tuple(self.splices.conditions)

    def splice(self, condition: str = "spliced") -> SplicedNetwork:
        """The host with its units replaced under a condition: a `torch.nn.Module`.

        It takes the host's input, `n 3 size size` (`host.input.batch(pictures)`), and gives the
        host's answers. Raises WorkbenchError for a condition that is not in `conditions`.
        """
        if condition not in self.conditions:
            raise WorkbenchError(
                "splice", f"no condition {condition!r}", f"one of {', '.join(self.conditions)}"
            )
        return SplicedNetwork(
            self.host, (self.splices.circuits, self.splices.conditions[condition])
        )


@dataclass(frozen=True)
class Result:
    """A scored theory. `run` holds everything that the report shows, `card` every figure."""

    run: Run = field(repr=False)

    @property
    def card(self) -> Scorecard:
        """Every figure with its interval."""
        return self.run.card

    def to_dict(self) -> dict[str, Any]:
        """The document score.json as plain values (docs/score-json.md)."""
        return document(self.card)

    def to_frame(self) -> pandas.DataFrame:
        """A row for each condition, a column for each figure; needs pandas.

        Raises WorkbenchError where pandas is not installed.
        """
        rows = {
            name: {
                "kind": row.kind.value,
                **{key: figure.value for key, figure in row.quantities.items()},
                "pearson": row.pearson.value,
                "recovered": row.recovered.value,
                "recovered_low": row.recovered.ci95[0] if row.recovered.ci95 else None,
                "recovered_high": row.recovered.ci95[1] if row.recovered.ci95 else None,
            }
            for name, row in self.card.conditions.items()
        }
        return frame(rows)

    def show(self) -> Figure:
        """Each condition's recovered share, with its interval, as a matplotlib figure."""
        return draw_ledger(self.card)

    def write_report(self, output: Path | str) -> Path:
        """Write score.json, pictures and report.html to a folder, and return the page's path.

        Raises WorkbenchError if the folder holds anything else, or cannot be written.
        """
        with folder_written_whole(Path(output)) as scratch:
            run = self.run
            write_report(
                scratch,
                run.card,
                run.specs,
                run.compiled,
                run.curves,
                run.examples,
                run.visualised,
            )
        return Path(output) / "report.html"

    def _repr_html_(self) -> str:
        """The headline as four rows, for notebooks."""
        return scorecard_html(self.card)
