"""Survey and score one family on many networks: `workbench.rebuild` for each of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.analyses.universality.figures import (
    HostRow,
    HostScores,
    Universality,
    row_from_json,
    row_json,
    scored_row,
    universality_json,
    universality_score,
)
from workbench.analyses.universality.plot import draw_universality
from workbench.arrays.devices import computed_on, known_as
from workbench.cache import code_version
from workbench.compiler import compile_compared, compile_spec
from workbench.compiler.compile import refuse_strange
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.files import write_whole
from workbench.hosts import Host
from workbench.hosts.dye import UnmeasurableError
from workbench.hosts.grid import receptive_field_px
from workbench.hosts.named import folder_name
from workbench.hosts.store import load
from workbench.rebuild import RebuildRequest, rebuild
from workbench.report.drawing import png
from workbench.score.facts import Header, picture_facts
from workbench.spec import Spec, dump_circuit, load_circuit, load_theory
from workbench.spec.circuit import TrainedCircuit
from workbench.vision.pictures import Picture, collection_sha256
from workbench.vision.survey import NoneFoundError, survey
from workbench.work import Work


@dataclass(frozen=True)
class UniversalityRequest:
    """The request of `universality`.

    spec_files     theories with the same last family, each with its ledger of the host that it was
                   tuned on. Each host's report is of the first
    hosts          names of hosts
    circuit_files  the trained circuits that are known, by host; any other host is surveyed
    pictures       the figures are means over these
    calibration    pictures that each unit's gain and bias are fitted on
    surveyed       pictures of surveys
    command        the command that each host's report names
    ignore_rows    compute every host, also where the output folder has its row
    """

    spec_files: Sequence[Path]
    hosts: Sequence[str]
    circuit_files: Mapping[str, Path]
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]
    surveyed: Sequence[Picture]
    command: str = ""
    ignore_rows: bool = False


@dataclass(frozen=True)
class _Run:
    """A request with its theories loaded, and where its results go."""

    request: UniversalityRequest
    specs: Sequence[Spec]
    output: Path
    work: Work

    @property
    def family(self) -> str:
        """The last family of the first theory."""
        return list(self.specs[0].theory.families)[-1]

    def cache_key(self, host: Host, circuit: TrainedCircuit | None) -> str:
        """A hash of everything that a host's row depends on."""
        request = self.request
        pictures = (request.pictures, request.calibration, request.surveyed)
        words = [
            code_version(),
            host.facts,
            known_as(self.work.device),
            *(spec.sha256 for spec in self.specs),
            circuit.sha256 if circuit else "surveyed",
            *map(collection_sha256, pictures),
            str(self.work.seed),
        ]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()


def universality(request: UniversalityRequest, output: Path, work: Work) -> Universality:
    """Score theories of one family on every host.

    Writes universality.json, universality.png and each host's report to the folder `output`. A host
    in which the survey finds nothing has a row that says so, and so has one for which a theory
    cannot be compiled. Surveys run on the processor. An interrupted run continues where it stopped:
    rows in the folder are read back. Raises WorkbenchError, before any host is scored, for a host
    that cannot be loaded, a circuit of another host, and pictures that `rebuild` would refuse.
    """
    specs = [load_theory(file) for file in request.spec_files]
    _refuse_unlike(specs)
    for spec in specs:
        keep_apart(request.pictures, request.calibration, spec.theory.tuned)
    hosts = [load(name) for name in request.hosts]
    for host in hosts:
        if host.name in request.circuit_files:
            refuse_strange(load_circuit(request.circuit_files[host.name]), host)
    run = _Run(request, specs, output, work)
    rows = [_row(run, host) for host in hosts]
    header = Header(
        images=picture_facts(request.pictures),
        calibration=picture_facts(request.calibration),
        seed=work.seed,
        computed=computed_on(work.device),
    )
    result = universality_score(header, specs, rows)
    write_whole(output / "universality.json", universality_json(result))
    write_whole(output / "universality.png", png(draw_universality(result)))
    return result


def _refuse_unlike(specs: Sequence[Spec]) -> None:
    families = {spec.path.name: list(spec.theory.families)[-1] for spec in specs}
    if len(set(families.values())) > 1:
        listed = ", ".join(f"{file}: {family}" for file, family in families.items())
        raise WorkbenchError(
            "universality", f"theories of several families ({listed})", "theories of one"
        )
    names = [spec.theory.theory for spec in specs]
    if len(set(names)) < len(names):
        raise WorkbenchError(
            "universality",
            f"theories of the same name ({', '.join(names)})",
            "a name for each, the key theory",
        )


def _row(run: _Run, host: Host) -> HostRow:
    """The host's row: of an earlier run where nothing that it depends on has changed."""
    circuit_file = run.request.circuit_files.get(host.name)
    cache_key = run.cache_key(host, load_circuit(circuit_file) if circuit_file else None)
    file = run.output / "rows" / f"{folder_name(host.name)}.json"
    if file.is_file() and not run.request.ignore_rows:
        row = row_from_json(file.read_text(encoding="utf-8"))
        if row is not None and row.cache_key == cache_key:
            return row
    output = host.output.compared
    empty = HostRow(host.name, host.fingerprint, output, len(host.sites), cache_key)
    row = _computed_row(run, host, circuit_file, empty)
    write_whole(file, row_json(row))
    return row


def _computed_row(run: _Run, host: Host, circuit_file: Path | None, empty: HostRow) -> HostRow:
    """The host's row; `empty` is the one without scores."""
    try:
        circuit_file = circuit_file or _surveyed(run, host, empty.cache_key)
    except NoneFoundError as error:
        return replace(empty, reason=str(error), passed=error.passed)
    trained = load_circuit(circuit_file)
    if reason := _uncompilable(run.specs, trained, host):
        return replace(empty, site=trained.site, reason=reason, passed=len(trained.units))
    return _scored(run, host, circuit_file, empty)


def _uncompilable(specs: Sequence[Spec], trained: TrainedCircuit, host: Host) -> str:
    """Why a theory cannot be compiled for this host's units; empty where all can.

    A reason is that cells fall on no grid of the theory, or that a family has no drive from its own
    ideal stimulus.
    """
    try:
        compile_compared(specs, trained, host)
        if specs[0].theory.tuned:
            compile_spec(specs[0], trained, host, as_written=True)
    except WorkbenchError as error:
        return str(error)
    return ""


def _surveyed(run: _Run, host: Host, cache_key: str) -> Path:
    """The circuit file that a survey of the host writes; read back after an interrupted run."""
    name = f"{run.family}-{cache_key[:16]}.yaml"
    file = run.output / "circuits" / folder_name(host.name) / name
    if run.request.ignore_rows or not file.is_file():
        work, pictures = run.work.named(host.name), run.request.surveyed
        trained = survey(host, run.family, pictures, None, work.counter, cache=work.cache)
        dump_circuit(trained, file)
    return file


def _scored(run: _Run, host: Host, circuit_file: Path, empty: HostRow) -> HostRow:
    """The host's row with the scores of every theory."""
    first, *others = [spec.path for spec in run.specs]
    request = RebuildRequest(
        files=[(first, circuit_file)],
        pictures=run.request.pictures,
        calibration=run.request.calibration,
        compare_files=others,
        with_variants=False,
        command=run.request.command,
    )
    card = rebuild(request, run.output / folder_name(host.name), run.work.named(host.name))
    trained = load_circuit(circuit_file)
    scores = HostScores(card, run.specs, _field_px(host, trained.site))
    return scored_row(empty, host, trained, scores)


def _field_px(host: Host, site: str) -> int | None:
    """The receptive field of a cell of the site; None where that cannot be measured."""
    try:
        return receptive_field_px(
            lambda rgb: host.activations(host.input.encode(rgb), site)[site],
            host.picture_input.size_px,
        )
    except UnmeasurableError:
        return None
