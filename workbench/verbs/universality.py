"""From one theory to many networks: `rebuild` for each host, and what they have in common."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.arrays.devices import CPU, known_as
from workbench.cache import Cache, computed_by
from workbench.compiler import compile_beside, compile_spec
from workbench.compiler.compile import refuse_strange
from workbench.engine import Engine, here
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.files import write_whole
from workbench.hosts import Host
from workbench.hosts.grid import UnmeasurableError, receptive_field_px
from workbench.hosts.named import folder_name
from workbench.hosts.store import load
from workbench.pictures import Picture, collection_sha256
from workbench.rebuild import Stage, rebuild
from workbench.report.drawings import png
from workbench.report.universality_plot import draw_universality
from workbench.score.universality import HostRow, Universality, found_row, row_from_json, row_json, universality_json, universality_score
from workbench.spec import Spec, dump_circuit, load_circuit, load_theory
from workbench.spec.circuit import TrainedCircuit
from workbench.survey import NoneFoundError, survey

Counter = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Setting:
    """What is the same for every host. The first of `specs` is the one that each host's report is of; `surveyed` are the pictures of surveys."""

    specs: Sequence[Spec]
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]
    surveyed: Sequence[Picture]
    output: Path
    seed: int
    command: str
    engine: Engine = here
    device: str = CPU
    cache: Cache | None = None
    anew: bool = False

    @property
    def family(self) -> str:
        """The last family of the first theory."""
        return list(self.specs[0].theory.families)[-1]

    def known_by(self, host: Host, circuit: TrainedCircuit | None) -> str:
        """All that a host's row depends on, as one hash."""
        told = [computed_by(), host.facts, known_as(self.device), *(spec.sha256 for spec in self.specs)]
        told += [circuit.sha256 if circuit else "surveyed"]
        told += [collection_sha256(pictures) for pictures in (self.pictures, self.calibration, self.surveyed)]
        return hashlib.sha256("\n".join([*told, str(self.seed)]).encode()).hexdigest()


def universality(
    spec_files: Sequence[Path],
    hosts: Sequence[str],
    circuit_files: Mapping[str, Path],
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    surveyed: Sequence[Picture],
    output: Path,
    stage: Stage,
    counter: Counter,
    seed: int = 0,
    command: str = "",
    engine: Engine = here,
    device: str = CPU,
    cache: Cache | None = None,
    anew: bool = False,
) -> Universality:
    """Score theories of one family on every host, and write universality.json and .png, and each host's report, to the folder `output`.

    spec_files     theories with the same last family, each with its ledger of the host that it was tuned on
    circuit_files  the trained circuits that are known, by host; any other host is surveyed with the pictures `surveyed`
    Pictures, `stage`, `command`, `engine`, `device` and `cache` are as of `rebuild`, `counter` as of `survey`; surveys run on the processor. A host
    in which the survey finds nothing has a row that says so. So has one for which a theory cannot be compiled. An interrupted run goes on where it
    stopped, host by host, and within a host as `survey` and `rebuild` do; with `anew` the latter alone: rows in the folder may be a finished run's.
    Raises WorkbenchError, before any host is scored, for a host that cannot be loaded, a circuit of another host, and what `rebuild` would refuse
    of the pictures.
    """
    specs = [load_theory(file) for file in spec_files]
    _refuse_unlike(specs)
    for spec in specs:
        keep_apart(pictures, calibration, spec.theory.tuned)
    setting = Setting(specs, pictures, calibration, surveyed, output, seed, command, engine, device, cache, anew)
    loaded = [load(name) for name in hosts]
    for host in loaded:
        if host.name in circuit_files:
            refuse_strange(load_circuit(circuit_files[host.name]), host)
    rows = [_row(setting, host, circuit_files.get(host.name), stage, counter) for host in loaded]
    found = universality_score(specs, rows, pictures, calibration, seed, device)
    write_whole(output / "universality.json", universality_json(found))
    write_whole(output / "universality.png", png(draw_universality(found)))
    return found


def _refuse_unlike(specs: Sequence[Spec]) -> None:
    families = {spec.path.name: list(spec.theory.families)[-1] for spec in specs}
    if len(set(families.values())) > 1:
        found = ", ".join(f"{file}: {family}" for file, family in families.items())
        raise WorkbenchError("universality", f"theories of several families ({found})", "theories of one")
    names = [spec.theory.theory for spec in specs]
    if len(set(names)) < len(names):
        raise WorkbenchError("universality", f"theories of the same name ({', '.join(names)})", "a name for each, the key theory")


def _row(setting: Setting, host: Host, circuit_file: Path | None, stage: Stage, counter: Counter) -> HostRow:
    """The host's row: of an earlier run where nothing that it depends on has changed."""
    known_by = setting.known_by(host, load_circuit(circuit_file) if circuit_file else None)
    file = setting.output / "rows" / f"{folder_name(host.name)}.json"
    row = row_from_json(file.read_text(encoding="utf-8")) if file.is_file() and not setting.anew else None
    if row is not None and row.known_by == known_by:
        return row
    without = HostRow(host.name, host.fingerprint, host.has_output, len(host.sites), known_by)
    try:
        circuit_file = circuit_file or _surveyed(setting, host, known_by, counter)
        trained = load_circuit(circuit_file)
        said = _uncompilable(setting.specs, trained, host)
        unscored = replace(without, site=trained.site, said=said, passed=len(trained.units))
        row = unscored if said else _scored(setting, host, circuit_file, known_by, stage)
    except NoneFoundError as error:
        row = replace(without, said=str(error), passed=error.passed)
    write_whole(file, row_json(row))
    return row


def _uncompilable(specs: Sequence[Spec], trained: TrainedCircuit, host: Host) -> str:
    """Why a theory cannot stand for this host's units (cells that fall on no grid of it, a family that its own ideal does not drive); empty where
    all can."""
    try:
        compile_beside(specs, trained, host)
        if specs[0].theory.tuned:
            compile_spec(specs[0], trained, host, as_written=True)
    except WorkbenchError as error:
        return str(error)
    return ""


def _surveyed(setting: Setting, host: Host, known_by: str, counter: Counter) -> Path:
    """The circuit file that a survey of the host writes; that of an interrupted run is taken as it is, unless all is to be computed anew."""
    file = setting.output / "circuits" / folder_name(host.name) / f"{setting.family}-{known_by[:16]}.yaml"
    if setting.anew or not file.is_file():
        found = survey(
            host, setting.family, setting.surveyed, None, lambda what, *done: counter(f"{host.name}: {what}", *done), cache=setting.cache
        )
        dump_circuit(found, file)
    return file


def _scored(setting: Setting, host: Host, circuit_file: Path, known_by: str, stage: Stage) -> HostRow:
    first, *others = [spec.path for spec in setting.specs]
    output = setting.output / folder_name(host.name)

    def named(what: str, total: int) -> Callable[[int], None]:
        return stage(f"{host.name}: {what}", total)

    fit, pictures = setting.calibration, setting.pictures
    card = rebuild(
        [(first, circuit_file)],
        pictures,
        fit,
        output,
        named,
        setting.seed,
        setting.command,
        beside_files=others,
        with_variants=False,
        cache=setting.cache,
        engine=setting.engine,
        device=setting.device,
    )
    trained = load_circuit(circuit_file)
    return found_row(host, known_by, trained, _field_px(host, trained.site), setting.specs, card)


def _field_px(host: Host, site: str) -> int | None:
    """What a cell of the site sees; None where that cannot be measured."""
    try:
        return receptive_field_px(lambda x: host.activations(x, site)[site], host.input.size_px)
    except UnmeasurableError:
        return None
