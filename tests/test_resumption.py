"""Every analysis, and every other long command, continues where it was interrupted.

Each row of RUNS is run on a planted host to its end; run again, it is interrupted in a stage; and
then run once more. It must write the same bytes, and call a costly function fewer times.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.interrupted import counted, counter_of, goes_on
from tests.planted import (
    EDGES,
    THEORY,
    THEORY_OF_LATE,
    UNITS,
    planted,
    planted_twice,
    write_late,
)
from tests.vision.survey.toy import toy_host
from workbench.analyses.claims.run import ClaimsRequest, claims
from workbench.analyses.diff.run import DiffRequest, diff
from workbench.analyses.equivariance.run import EquivarianceRequest, equivariance
from workbench.analyses.explain.run import ExplainRequest, explain
from workbench.analyses.families.run import FamiliesRequest, families
from workbench.analyses.frontier.run import FrontierRequest, frontier
from workbench.analyses.polysemanticity.run import PolysemanticityRequest, polysemanticity
from workbench.analyses.propose.run import ProposeRequest, propose
from workbench.analyses.registry import ANALYSES
from workbench.analyses.request import ReportRequest
from workbench.analyses.rivals.run import RivalsRequest, rivals
from workbench.analyses.stepwise.run import StepwiseRequest, stepwise
from workbench.analyses.unexplained.run import UnexplainedRequest, unexplained
from workbench.analyses.universality.run import UniversalityRequest, universality
from workbench.analyses.usage.run import UsageRequest, usage
from workbench.analyses.visualise.run import VisualiseRequest, visualise
from workbench.cache import Cache
from workbench.evaluate.batches import BATCH
from workbench.full_report.parts import parts
from workbench.full_report.run import report
from workbench.hosts import Host
from workbench.matching.subject import SubjectFiles
from workbench.progress import Stage
from workbench.rebuild import RebuildRequest, rebuild
from workbench.result_folder import folder_written_whole
from workbench.spec import TrainedUnit, dump_circuit
from workbench.tune.settings import TuneSettings
from workbench.tune.spec import tuned_spec
from workbench.vision.pictures.drawn import drawn
from workbench.vision.survey import survey
from workbench.work import Work

Start = Callable[[Path, Work], object]  # writes to a path that does not exist yet
Prepare = Callable[[Path, pytest.MonkeyPatch], Start]

CLAIMS = """\
claims:
  all: {about: x, edit: {without: gabor}, expect: {figure: peak, below: 0.5}}
"""
RING = tuple(TrainedUnit(unit=unit, centre_deg=30.0 * unit) for unit in range(12))
TWO_BATCHES = BATCH + 2  # pictures
ASCENT = 16  # steps of each ascent
KEPT_EVERY = 8  # steps after which the state is kept
DATE = "2026-01-02"


def loads(patch: pytest.MonkeyPatch, host: Host, *modules: str) -> None:
    """Let modules load that host under every name."""
    for module in modules:
        patch.setattr(f"{module}.load", lambda name: host)


def write_planted(folder: Path, patch: pytest.MonkeyPatch, text: str = THEORY) -> SubjectFiles:
    """The planted theory and circuit, whose host every subject loads."""
    host, trained, _ = planted()
    loads(patch, host, "workbench.matching.subject", "workbench.rebuild", "workbench.tune.spec")
    (folder / "planted.yaml").write_text(text)
    dump_circuit(trained, folder / "curve.yaml")
    return SubjectFiles(folder / "planted.yaml", folder / "curve.yaml")


def write_both(
    folder: Path,
    patch: pytest.MonkeyPatch,
    units: tuple[TrainedUnit, ...] | None = None,
    text: str = THEORY_OF_LATE,
) -> SubjectFiles:
    """A theory of two families with trained units at two sites."""
    host, files = write_late(folder) if units is None else write_late(folder, units=units)
    loads(patch, host, "workbench.matching.subject")
    (folder / "late-spec.yaml").write_text(text)
    return SubjectFiles(folder / "late-spec.yaml", files["late"], {"curve": files["early"]})


def without_matching(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Name units by the circuit files alone, and match none on drawn stimuli."""
    sites = dict.fromkeys(planted().host.sites)
    patch.setattr("workbench.matching.subject.answers", lambda *_: None)
    patch.setattr("workbench.matching.subject.nearest", lambda _: sites)
    patch.setattr("workbench.matching.correspondence.matched", lambda *_: [])


def prepare_claims(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    request = ClaimsRequest(write_planted(folder, patch, THEORY + CLAIMS), drawn(4, seed=1), 30)
    return lambda output, work: claims(request, output, work)


def prepare_diff(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files, (host, trained, _) = write_planted(folder, patch), planted()
    hosts = {"planted": host, "copy": replace(host, name="copy")}
    patch.setattr("workbench.analyses.diff.run.load", hosts.__getitem__)
    dump_circuit(trained.model_copy(update={"host": "copy"}), folder / "copy.yaml")
    pictures, calibration = drawn(TWO_BATCHES, seed=2), drawn(4, seed=1)
    circuits = [files.circuit, folder / "copy.yaml"]
    request = DiffRequest(tuple(hosts), files.spec, circuits, pictures, calibration, calibration)
    return lambda output, work: diff(request, output, work)


def prepare_equivariance(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files = write_planted(folder, patch)
    loads(patch, planted().host, "workbench.analyses.equivariance.run")
    request = EquivarianceRequest(files.circuit, drawn(3, seed=3))
    return lambda output, work: equivariance(request, output, work)


def prepare_explain(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    request = ExplainRequest(write_both(folder, patch, RING))
    without_matching(folder, patch)
    return lambda output, work: explain(request, output, work)


def prepare_families(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    request = FamiliesRequest(write_planted(folder, patch), drawn(TWO_BATCHES, seed=3))
    return lambda output, work: families(request, output, work)


def prepare_frontier(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    host, circuits, _ = planted_twice()
    loads(patch, host, "workbench.analyses.frontier.run")
    files = []
    for trained, text in zip(circuits, (EDGES, THEORY), strict=True):
        files.append((folder / f"{trained.circuit}-spec.yaml", folder / f"{trained.circuit}.yaml"))
        files[-1][0].write_text(text)
        dump_circuit(trained, files[-1][1])
    request = FrontierRequest(files, drawn(TWO_BATCHES, seed=2), drawn(4, seed=1))
    return lambda output, work: frontier(request, output, work)


def prepare_polysemanticity(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files, pictures, calibration = write_planted(folder, patch), drawn(6, seed=3), drawn(4, seed=1)
    request = PolysemanticityRequest(files, pictures, calibration, clusters=2)
    return lambda output, work: polysemanticity(request, output, work)


def prepare_propose(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    request = ProposeRequest(write_planted(folder, patch), drawn(TWO_BATCHES, seed=1), most=2)
    return lambda output, work: propose(request, output, work)


def prepare_rivals(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files, calibration = write_both(folder, patch), drawn(4, seed=1)
    request = RivalsRequest(files, drawn(TWO_BATCHES, seed=2), calibration)
    return lambda output, work: rivals(request, output, work)


def prepare_stepwise(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    pictures, calibration = drawn(TWO_BATCHES, seed=3), drawn(TWO_BATCHES, seed=1)
    request = StepwiseRequest(write_both(folder, patch), pictures, calibration)
    return lambda output, work: stepwise(request, output, work)


def prepare_unexplained(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files = write_both(folder, patch)
    without_matching(folder, patch)
    patch.setattr("workbench.analyses.unexplained.chance.DRAWS", 24)
    request = UnexplainedRequest(files, drawn(24, seed=1))
    return lambda output, work: unexplained(request, output, work)


def prepare_universality(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files, (host, trained, _) = write_planted(folder, patch), planted()
    # another network: theories of one network's units are counted together (`asked`)
    other = {"host": "copy", "fingerprint": "c" * 64}
    hosts = {
        "planted": host,
        "copy": replace(host, name=other["host"], fingerprint=other["fingerprint"]),
    }
    for module in ("workbench.analyses.universality.run", "workbench.rebuild"):
        patch.setattr(f"{module}.load", hosts.__getitem__)
    dump_circuit(trained.model_copy(update=other), folder / "copy.yaml")
    circuits = {"planted": files.circuit, "copy": folder / "copy.yaml"}
    pictures, calibration = drawn(4, seed=2), drawn(4, seed=1)
    request = UniversalityRequest(
        [files.spec], list(hosts), circuits, pictures, calibration, calibration
    )
    return lambda output, work: universality(request, output, work)


def prepare_usage(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files, calibration = write_planted(folder, patch), drawn(4, seed=1)
    request = UsageRequest(files, drawn(TWO_BATCHES, seed=2), calibration)

    def start(output: Path, work: Work) -> None:
        with folder_written_whole(output) as scratch:
            usage(request, scratch, work)

    return start


def prepare_visualise(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    request = VisualiseRequest(
        files=write_planted(folder, patch),
        pictures=drawn(4, seed=3),
        calibration=drawn(4, seed=1),
        units=[UNITS[0].unit],
        steps=ASCENT,
    )
    return lambda output, work: visualise(request, output, work)


def prepare_score(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files = write_planted(folder, patch)
    pictures, calibration = drawn(TWO_BATCHES, seed=2), drawn(4, seed=1)
    request = RebuildRequest([(files.spec, files.circuit)], pictures, calibration)
    return lambda output, work: rebuild(request, output, work)


def prepare_tune(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files, pictures = write_planted(folder, patch), drawn(4, seed=1)
    patch.setattr("workbench.tune.tune.KEPT", 2)
    settings = TuneSettings(steps=6)
    return lambda output, work: tuned_spec(
        files.spec,
        [files.circuit],
        pictures,
        output / "tuned.yaml",
        settings,
        work,
    )


def prepare_survey(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    host, pictures = toy_host((0.0, 90.0, 200.0), 30.0), drawn(4, seed=1)

    def start(output: Path, work: Work) -> None:
        counter = counter_of(work.stage)
        circuit = survey(
            host,
            pictures=pictures,
            sites=["units"],
            progress=counter,
            command="workbench survey toy",
            date=DATE,
            cache=work.cache,
        )
        dump_circuit(circuit, output / "curve.yaml")

    return start


def prepare_report(folder: Path, patch: pytest.MonkeyPatch) -> Start:
    files, pictures, calibration = write_planted(folder, patch), drawn(4, seed=2), drawn(4, seed=1)
    loads(patch, planted().host, "workbench.full_report.run")
    patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
    patch.setattr(
        "workbench.full_report.run.parts",
        lambda: {name: part for name, part in parts().items() if name in ("score", "usage")},
    )
    request = ReportRequest(files.spec, files.circuit, {}, [], pictures, pictures, calibration)
    return lambda output, work: report(request, output, work)


@dataclass(frozen=True)
class Point:
    """Where a run is interrupted, and a function that the resumed run calls fewer times.

    stage    the stage in which it is interrupted
    step     the call of the stage's progress at which it is interrupted
    counted  the owner and the name of the function
    """

    stage: str
    step: int
    counted: tuple[str, str]


@dataclass(frozen=True)
class Resumed:
    """How one command is run, and the points at which it is interrupted, each in a test.

    `prepare` writes its files and returns what starts it.
    """

    prepare: Prepare
    points: tuple[Point, ...]
    leaves_nothing: bool = True


ANALYSIS = "workbench.analyses"
NETWORK = ("workbench.splice.natural", "_computed")  # runs the trained network on a batch
DRIVES = ("workbench.splice.inputs", "drives")  # runs handwritten circuits on a batch
TURNED = (f"{ANALYSIS}.equivariance.responses", "read")
FAMILIES_RUN = "family_responses"  # runs families on a batch or on a group of stimuli
TRANSFORMED = ("workbench.vision.visualise.ascent", "transformed")
RUNS = {
    "claims": Resumed(
        prepare_claims, (Point("tuning curves", 1, DRIVES), Point("calibrate", 1, DRIVES))
    ),
    "diff": Resumed(
        prepare_diff,
        (
            Point("copy: score", 1, NETWORK),
            Point("copy: score", 1, ("workbench.vision.survey.responses", "activations")),
        ),
    ),
    "equivariance": Resumed(
        prepare_equivariance, (Point("pictures", 2, TURNED), Point("drawings", 5, TURNED))
    ),
    "explain": Resumed(
        prepare_explain, (Point("permutations", 1, (f"{ANALYSIS}.explain.figures", "agreements")),)
    ),
    "families": Resumed(
        prepare_families,
        (Point("compare on pictures", 1, (f"{ANALYSIS}.families.measure", "unit_moments")),),
    ),
    "frontier": Resumed(prepare_frontier, (Point("frontier", 1, NETWORK),)),
    "polysemanticity": Resumed(
        prepare_polysemanticity,
        (
            Point("units", 1, (f"{ANALYSIS}.polysemanticity.figures", "unit_meaning")),
            Point("pictures", 1, DRIVES),
        ),
    ),
    "propose": Resumed(prepare_propose, (Point("responses", 1, NETWORK),)),
    "rivals": Resumed(
        prepare_rivals, (Point("score", 1, ("workbench.evaluate.run", "joint_inputs")),)
    ),
    "stepwise": Resumed(
        prepare_stepwise,
        (
            Point("steps on pictures", 1, (f"{ANALYSIS}.stepwise.measure", FAMILIES_RUN)),
            Point("steps on drawn stimuli", 1, (f"{ANALYSIS}.stepwise.measure", FAMILIES_RUN)),
            Point("calibrate", 1, (f"{ANALYSIS}.stepwise.hypothesis", FAMILIES_RUN)),
        ),
    ),
    "unexplained": Resumed(
        prepare_unexplained,
        (
            Point("groups by chance", 12, (f"{ANALYSIS}.unexplained.chance", "factorised")),
            Point("pictures", 1, DRIVES),
        ),
    ),
    "universality": Resumed(
        prepare_universality, (Point("copy: score", 1, NETWORK),), leaves_nothing=False
    ),
    "usage": Resumed(prepare_usage, (Point("consumers", 1, NETWORK),)),
    "visualise": Resumed(
        prepare_visualise,
        (Point("steps", ASCENT + 9, TRANSFORMED), Point("steps", KEPT_EVERY + 1, TRANSFORMED)),
    ),
    "score": Resumed(
        prepare_score,
        (
            Point("score", 1, ("workbench.evaluate.run", "joint_inputs")),
            Point("visualise", KEPT_EVERY + 1, TRANSFORMED),
        ),
    ),
    "tune": Resumed(prepare_tune, (Point("tune", 5, ("workbench.tune.tune.Goal", "agreement")),)),
    "survey": Resumed(prepare_survey, (Point("arcs", 2, ("workbench.hosts.Host", "activations")),)),
    "report": Resumed(
        prepare_report, (Point("examples", 1, ("workbench.full_report.parts", "rebuild")),)
    ),
}
FAST = ("claims",)  # in `make test`, at its first point; the others are run by `make check-full`


def rows() -> list[ParameterSet]:
    """Every command at each of its points."""
    return [
        pytest.param(
            resumed,
            point,
            marks=() if name in FAST and i == 0 else (pytest.mark.full,),
            id=f"{name}: {point.stage}, {point.counted[1]}",
        )
        for name, resumed in RUNS.items()
        for i, point in enumerate(resumed.points)
    ]


def owner_of(path: str) -> object:
    """A module, or a class in one."""
    try:
        return import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(import_module(module), name)


def test_every_analysis_and_every_long_command_is_a_row():
    assert set(RUNS) == {*(row.name for row in ANALYSES), "score", "tune", "survey", "report"}


@pytest.mark.parametrize(("resumed", "point"), rows())
def test_an_interrupted_run_continues_to_the_same_files(resumed, point, tmp_path, monkeypatch):
    start = resumed.prepare(tmp_path, monkeypatch)
    calls = counted(monkeypatch, owner_of(point.counted[0]), point.counted[1])

    def run(folder: Path, cache: Cache, stage: Stage) -> None:
        start(folder / "out", Work(stage, cache=cache))

    goes_on(run, tmp_path, point.stage, point.step, calls, resumed.leaves_nothing)
