"""An analysis of a theory of tokens opens the theory, its network and its prompts.

It measures them, and writes a document and a picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from workbench.errors import WorkbenchError
from workbench.evaluate.statistics import Statistics
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.report.drawing import Figure, png
from workbench.result_folder import folder_written_whole
from workbench.score.facts import as_json
from workbench.sequences.analyses.header import subject_facts
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.evaluate import evaluate_parts
from workbench.sequences.files import TokenSpec, load_token_theory
from workbench.sequences.part import SCORE_LEVEL, TokenPart
from workbench.sequences.prompt_sets import Prompts
from workbench.sequences.score import TokenRequest
from workbench.sequences.subject import Subject, loaded, sites_read, subject_of
from workbench.work import Work

Result = TypeVar("Result")


@dataclass(frozen=True)
class Opened:
    """A theory of tokens at its network, calibrated, with the prompts of its circuit file.

    host  has the temperature at which its calibration answers are unsure
    """

    spec: TokenSpec
    circuit: TokenCircuit
    subject: Subject
    prompts: Prompts
    command: str = ""

    @property
    def host(self) -> Host:
        """The network."""
        return self.subject.host

    @property
    def seed(self) -> int:
        """The seed of the prompts and of everything random."""
        return self.subject.seed

    @property
    def title(self) -> str:
        """The theory, the network, the number of scored prompts, and the level of every part."""
        scored = len(self.prompts.scored)
        name = self.spec.theory.theory
        return f"{name} on {self.host.name}: {scored:,} prompts scored (level: {SCORE_LEVEL})"

    def document(self, version: int, **values: Any) -> str:
        """The text of a document: its format's version, what was analysed, and its own values."""
        return as_json(
            {
                "format": version,
                "command": self.command,
                **subject_facts(self.spec, self.circuit, self.host),
                "prompts": {**self.circuit.prompts.model_dump(), **self.prompts.counts},
                "seed": self.seed,
                **values,
            }
        )

    def evaluated(
        self, parts: Sequence[TokenPart], work: Work, with_temperatures: bool = False
    ) -> list[Statistics]:
        """The statistics of parts over the scored prompts, by condition.

        with_temperatures  fits each condition's on the calibration prompts, for `fitted_soft_kl`
        """
        sites = sites_read(self.subject.written)
        run = self.subject.run if with_temperatures else None
        return evaluate_parts(self.host, parts, self.prompts.scored, sites, work, run)

    def refuse_without_heads(self) -> None:
        """Raises WorkbenchError for a theory without heads."""
        if not self.subject.written.heads:
            raise WorkbenchError(
                str(self.spec.path), "no family of heads", "a theory with units: heads"
            )


def opened(request: TokenRequest, seed: int) -> Opened:
    """Load a theory, its circuit, its network and its prompts. Raises WorkbenchError."""
    spec = load_token_theory(request.spec)
    circuit, host, prompts = loaded(spec, request.circuit, seed, request.text)
    subject = subject_of(spec, circuit, host, prompts, seed)
    return Opened(spec, circuit, subject, prompts, request.command)


def analysed(
    request: TokenRequest,
    output: Path,
    work: Work,
    name: str,
    measured: Callable[[Opened, Work], Result],
    document: Callable[[Result], str],
    drawing: Callable[[Result], Figure],
) -> Result:
    """Measure a theory, and write NAME.json and NAME.png to the folder `output`.

    Raises WorkbenchError.
    """
    start = opened(request, work.seed)
    with folder_written_whole(output) as folder:
        result = measured(start, work)
        write_whole(folder / f"{name}.json", document(result))
        write_whole(folder / f"{name}.png", png(drawing(result)))
    return result
