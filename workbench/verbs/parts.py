"""The parts of `workbench report`: each is a verb, or what only the report shows, run into a folder of its own."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.evaluate.consumers import consumers
from workbench.evaluate.readers import Readers, readers
from workbench.evaluate.run import calibrated
from workbench.evaluate.strongest import Strongest, strongest
from workbench.evaluate.tuning import probe_of
from workbench.files import write_whole
from workbench.hosts.named import cache_of
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.rebuild import Stage, rebuild
from workbench.report import open_questions, table
from workbench.report.claims import claims_table
from workbench.report.consumers import MOST, consumers_table, draw_consumers
from workbench.report.drawings import png
from workbench.report.equivariance import equivariance_table
from workbench.report.explain import explain_table
from workbench.report.induction import induction_tree
from workbench.report.layers import layers_table
from workbench.report.limits import limits
from workbench.report.polysemanticity import polysemanticity_table
from workbench.report.readers import draw_readers, readers_table, unknown
from workbench.report.residual import residual_table
from workbench.report.strongest_plot import draw_strongest
from workbench.report.visualise import visualised_table
from workbench.spec import load_circuit, load_theory
from workbench.verbs.claims import claims
from workbench.verbs.equivariance import equivariance
from workbench.verbs.explain import explain
from workbench.verbs.induct import induct
from workbench.verbs.layers import layers
from workbench.verbs.polysemanticity import polysemanticity
from workbench.verbs.residual import residual
from workbench.verbs.visualise import visualised

EXAMPLES = 6  # of each unit and side
UNITS = 3  # units that are shown: spread over the circle


@dataclass(frozen=True)
class Request:
    """What a report is of. `few` are the pictures of all parts but the score, which takes `pictures`."""

    spec_file: Path
    circuit_file: Path
    bound: Mapping[str, Path]
    beside: Sequence[Path]
    pictures: Sequence[Picture]
    few: Sequence[Picture]
    calibration: Sequence[Picture]
    stage: Stage
    seed: int
    command: str
    cache: Cache | None = None


@dataclass(frozen=True)
class Said:
    """A part's table, and what it leaves open."""

    table: RenderableType
    not_shown: tuple[str, ...] = ()


def _score(ask: Request, folder: Path) -> Said:
    pair = [(ask.spec_file, ask.circuit_file)]
    card = rebuild(pair, ask.pictures, ask.calibration, folder, ask.stage, ask.seed, ask.command, ask.bound, ask.beside, cache=ask.cache)
    return Said(table(card), tuple(limits(card)))


def _examples(ask: Request, folder: Path) -> Said:
    spec, trained = load_theory(ask.spec_file), load_circuit(ask.circuit_file)
    host = load(trained.host)
    cache, circuit = cache_of(host.name, ask.cache), compile_spec(spec, trained, host)
    splices = calibrated(host, circuit, ask.calibration, ask.seed, ask.stage("calibrate", len(ask.calibration)), cache)
    by_pose = sorted(range(len(trained.units)), key=lambda unit: trained.units[unit].centre_deg)
    shown = by_pose[:: max(1, len(by_pose) // UNITS)][:UNITS]
    found = strongest(host, splices, ask.few, shown, EXAMPLES, ask.stage("examples", len(ask.few)), cache)
    used = consumers(host, splices, ask.few, ask.stage("consumers", len(ask.few)), cache)
    last = circuit.layers[-1]
    period_deg = 360.0 / probe_of(spec.theory).turns
    read = readers(host, trained.site, used.site, last.units, circuit.units, period_deg, MOST)
    write_whole(folder / "examples.png", png(draw_strongest(found)))
    write_whole(folder / "consumers.png", png(draw_consumers(used)))
    if len(read.units):
        write_whole(folder / "readers.png", png(draw_readers(read)))
    rows = {condition: changed.tolist() for condition, changed in used.changed.items()}
    facts = {
        "examples": [_plain(each) for each in found],
        "consumers": {"site": used.site, "changed": rows},
        "readers": _read(read),
    }
    write_whole(folder / "examples.json", json.dumps(facts, indent=1) + "\n")
    below = "What these units answer to below their strongest responses: the examples are of their peaks."
    tables = Group(consumers_table(used), Text(""), readers_table(read))
    return Said(tables, (below, *([unknown(read)] if read.known < read.channels else [])))


def _read(found: Readers) -> dict[str, object]:
    plain = {name: getattr(found, name).tolist() for name in ("units", "share", "read_deg", "one_pose", "excites")}
    return {"site": found.site, "from": found.names, "known": found.known, "channels": found.channels, "why": found.why, **plain}


def _plain(example: Strongest) -> dict[str, object]:
    return {name: value for name, value in asdict(example).items() if name not in ("rgb", "saliency")}


def _layers(ask: Request, folder: Path) -> Said:
    found = layers(ask.spec_file, ask.circuit_file, ask.few, folder, ask.stage, ask.seed, ask.cache)
    return Said(layers_table(found), tuple(open_questions.of_layers(found)))


def _claims(ask: Request, folder: Path) -> Said:
    found = claims(ask.spec_file, ask.circuit_file, ask.bound, ask.calibration, folder, ask.stage, ask.seed, cache=ask.cache)
    return Said(claims_table(found), tuple(open_questions.of_claims(found)))


def _induct(ask: Request, folder: Path) -> Said:
    found = induct(ask.spec_file, ask.circuit_file, ask.bound, ask.few, ask.calibration, folder, ask.stage, ask.seed, ask.cache)
    return Said(induction_tree(found), tuple(open_questions.of_induction(found)))


def _explain(ask: Request, folder: Path) -> Said:
    found = explain(ask.spec_file, ask.circuit_file, ask.bound, folder, ask.stage, ask.seed, ask.cache)
    return Said(explain_table(found), tuple(open_questions.of_explained(found)))


def _equivariance(ask: Request, folder: Path) -> Said:
    found = equivariance(ask.circuit_file, ask.bound, ask.few, folder, ask.stage, ask.seed, cache=ask.cache)
    return Said(equivariance_table(found), tuple(open_questions.of_equivariance(found)))


def _visualise(ask: Request, folder: Path) -> Said:
    given = (ask.spec_file, ask.circuit_file, (), ask.few, ask.calibration, folder, ask.stage, ask.seed)
    return Said(visualised_table(visualised(*given, cache=ask.cache)))


def _polysemanticity(ask: Request, folder: Path) -> Said:
    given = (ask.spec_file, ask.circuit_file, ask.few, ask.calibration, folder, ask.stage, ask.seed)
    found = polysemanticity(*given, cache=ask.cache)
    return Said(polysemanticity_table(found), tuple(open_questions.of_polysemanticity(found)))


def _residual(ask: Request, folder: Path) -> Said:
    found = residual(ask.spec_file, ask.circuit_file, ask.bound, ask.calibration, folder, ask.stage, ask.seed, ask.cache)
    return Said(residual_table(found), tuple(open_questions.of_residual(found)))


PARTS: dict[str, Callable[[Request, Path], Said]] = {
    "score": _score,
    "examples": _examples,
    "layers": _layers,
    "explain": _explain,
    "equivariance": _equivariance,
    "induct": _induct,
    "claims": _claims,
    "polysemanticity": _polysemanticity,
    "residual": _residual,
    "visualise": _visualise,
}


def said_nothing(reason: str) -> Said:
    """A part that could not be made."""
    return Said(Group(Text(f"Not shown: {reason}")), (reason,))
