"""Survey and score one theory of tokens on many networks, among them checkpoints of a training.

The units of a training's last network are followed through all its checkpoints, whatever the survey
finds there: a curve by step is then of the same heads, and begins before they are formed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from workbench.cache import code_version
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.hosts.named import folder_name
from workbench.hosts.store import load
from workbench.hosts.transformer_host import shape_of
from workbench.report.drawing import png
from workbench.sequences.analyses.universality.figures import (
    FINAL,
    GIVEN,
    SURVEYED,
    NetworkRow,
    TokenUniversality,
    natural_figure,
    part_figures,
    row_from_json,
    row_json,
    units_of,
    universality_json,
)
from workbench.sequences.analyses.universality.networks import (
    all_names,
    checkpoint_of,
    final_of,
    known_circuits,
    survey_of,
)
from workbench.sequences.analyses.universality.plot import draw_universality
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import TokenSpec, load_token_theory
from workbench.sequences.meaning import part_names
from workbench.sequences.prompt_sets import Prompts
from workbench.sequences.score import TokenRequest, score_loaded
from workbench.sequences.subject import prepared
from workbench.sequences.survey import survey
from workbench.work import Work


@dataclass(frozen=True)
class TokenUniversalityRequest:
    """The request of `universality_of_tokens`.

    names          networks; `induction@step:*` stands for all checkpoints of a training
    circuit_files  circuits that are known; any other network is surveyed
    text           a text file, where prompts are texts
    score_on       score at most this many prompts, drawn by the seed
    ignore_rows    compute every network, also where the output folder has its row
    """

    spec_file: Path
    names: Sequence[str]
    circuit_files: Sequence[Path] = ()
    text: Path | None = None
    score_on: int | None = None
    command: str = ""
    ignore_rows: bool = False


@dataclass(frozen=True)
class _Run:
    """A request with its files loaded; `finals` keeps the circuits of the trainings' ends."""

    request: TokenUniversalityRequest
    spec: TokenSpec
    known: Mapping[str, TokenCircuit]
    output: Path
    work: Work
    finals: dict[str, TokenCircuit | str] = field(default_factory=dict)

    def circuit(self, host: Host) -> TokenCircuit | str:
        """The circuit of a network, given or surveyed; or why the survey finds none."""
        if host.name in self.known:
            return self.known[host.name]
        progress = self.work.named(host.name).counter
        try:
            return survey(host, survey_of(self.spec), progress=progress).circuit
        except WorkbenchError as error:
            return str(error)

    def final(self, name: str) -> TokenCircuit | str:
        """The same of the last checkpoint of a checkpoint's training."""
        last = final_of(name)
        if last not in self.finals:
            self.finals[last] = self.circuit(load(last))
        return self.finals[last]

    def cache_key(self, host: Host) -> str:
        """A hash of everything that a network's row depends on."""
        last = load(final_of(host.name)).facts if checkpoint_of(host.name) else ""
        known = sorted(circuit.sha256 for circuit in self.known.values())
        text = self.request.text.read_bytes() if self.request.text else b""
        words = [
            code_version(),
            host.facts,
            last,
            self.spec.sha256,
            *known,
            hashlib.sha256(text).hexdigest(),
            str(self.request.score_on),
            str(self.work.seed),
        ]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()


def universality_of_tokens(
    request: TokenUniversalityRequest,
    output: Path,
    work: Work = Work(),  # noqa: B008 (frozen)
) -> TokenUniversality:
    """Survey and score a theory on every network.

    Writes universality.json, universality.png and a row for each network to the folder `output`;
    an interrupted run continues where it stopped. A network without such units has a row that says
    so. Raises WorkbenchError, before any network is scored, for one that cannot be loaded or is no
    transformer, for a circuit of another network, and for a theory that no survey fits.
    """
    spec = load_token_theory(request.spec_file)
    names = all_names(request.names)
    run = _Run(request, spec, known_circuits(request.circuit_files, names), output, work)
    for name in names:
        shape_of(load(name))
    if set(names) - set(run.known):
        survey_of(spec)
    advance = work.stage("networks", len(names))
    rows = []
    for name in names:
        rows.append(_row(run, name))
        advance(1, name)
    result = TokenUniversality(spec, tuple(rows), work.seed, request.command)
    write_whole(output / "universality.json", universality_json(result))
    write_whole(output / "universality.png", png(draw_universality(result)))
    return result


def _row(run: _Run, name: str) -> NetworkRow:
    """The network's row: of an earlier run where nothing that it depends on has changed."""
    host = load(name)
    key, file = run.cache_key(host), run.output / "rows" / f"{folder_name(name)}.json"
    if file.is_file() and not run.request.ignore_rows:
        row = row_from_json(file.read_text(encoding="utf-8"))
        if row is not None and row.cache_key == key:
            return row
    training, step = checkpoint_of(name) or (None, None)
    row = _computed_row(run, host, NetworkRow(name, host.fingerprint, key, training, step))
    write_whole(file, row_json(row))
    return row


def _computed_row(run: _Run, host: Host, empty: NetworkRow) -> NetworkRow:
    """The network's row; `empty` is the one without figures."""
    circuit = run.circuit(host)
    row = empty if isinstance(circuit, str) else replace(empty, surveyed=units_of(circuit))
    row = replace(row, reason=circuit) if isinstance(circuit, str) else row
    units_from = GIVEN if host.name in run.known else SURVEYED
    if row.training and host.name not in (*run.known, final_of(host.name)):
        last = run.final(host.name)
        if not isinstance(last, str):
            facts = {"host": host.name, "fingerprint": host.fingerprint}
            circuit, units_from = last.model_copy(update=facts), FINAL
    return row if isinstance(circuit, str) else _scored(run, host, circuit, row, units_from)


def _scored(
    run: _Run, host: Host, circuit: TokenCircuit, row: NetworkRow, units_from: str
) -> NetworkRow:
    """The row with the scores of every part."""
    seed, text = run.work.seed, run.request.text
    try:
        ready, prompts = prepared(run.spec, circuit, f"circuit of {host.name}", seed, text, host)
    except WorkbenchError as error:
        return replace(row, reason=str(error))
    prompts = _fewer(prompts, run.request.score_on, seed)
    # of level "score" alone: weights are compiled for one network by `workbench score`
    asked = TokenRequest(run.spec.path, Path(), only=part_names(run.spec.theory))
    card = score_loaded(run.spec, circuit, ready, prompts, run.work.named(host.name), asked)
    return replace(
        row,
        units_from=units_from,
        units=units_of(circuit),
        loss=natural_figure(card, "loss"),
        accuracy=natural_figure(card, "accuracy"),
        parts={part.name: part_figures(part) for part in card.parts},
    )


def _fewer(prompts: Prompts, most: int | None, seed: int) -> Prompts:
    """The prompts with at most so many scored ones, drawn by the seed."""
    if most is None or most >= len(prompts.scored):
        return prompts
    drawn = np.random.default_rng(seed).choice(len(prompts.scored), most, replace=False)
    return replace(prompts, scored=[prompts.scored[i] for i in sorted(drawn)])
