"""The main path on the planted host: what it writes, what it refuses, and what an interrupt or a
full disk leaves behind.
"""

import copy
import dataclasses
import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.documents import numbers
from tests.elsewhere import elsewhere
from tests.planted import EDGES, THEORY, PlantedHost, planted, planted_twice, trained_circuit
from workbench import files
from workbench import rebuild as main_path
from workbench.cache import command_cache, forget
from workbench.cluster import Cluster
from workbench.errors import WorkbenchError
from workbench.evaluate import run
from workbench.hosts import NoOutput
from workbench.rebuild import RebuildRequest, rebuild
from workbench.report.limits import limits
from workbench.score.document import to_json
from workbench.score.scorecard import Scorecard
from workbench.score.uncertainty import Figure
from workbench.spec import TrainedUnit, dump_circuit
from workbench.splice.check import FLOAT32
from workbench.vision.pictures import Picture
from workbench.vision.pictures.drawn import drawn
from workbench.vision.tuning import stimuli_count, tuning
from workbench.vision.visualise.units import STEPS
from workbench.work import Work

PICTURES, CALIBRATION = 5, 4
ABLATIONS = ("ablated.zero", "ablated.mean", "ablated.resample")
SAME = 1e-9  # a resumed run differs by nothing but the way its rows came
CONSTANT = 1e-8  # the correlation of a unit at its mean: the roundings of its sums


@pytest.fixture(scope="module")
def host() -> PlantedHost:
    return planted()


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return drawn(PICTURES, seed=2)


@pytest.fixture(scope="module")
def calibration() -> list[Picture]:
    return drawn(CALIBRATION, seed=1)


class Workshop:
    """A folder with the planted theory and its circuit; the planted host is the one that is loaded,
    the cache is the folder's own.
    """

    def __init__(self, folder: Path, host: PlantedHost, patch: pytest.MonkeyPatch):
        self.folder, self.host = folder, host
        self.spec_file, self.circuit_file, self.output = (
            folder / "planted.yaml",
            folder / "curve.yaml",
            folder / "results" / "out",
        )
        self.spec_file.write_text(THEORY)
        dump_circuit(host.trained, self.circuit_file)
        patch.setenv("WORKBENCH_CACHE", str(folder / "cache"))
        patch.setattr(main_path, "load", lambda name: host.host)
        self.stages: dict[str, list[int]] = {}

    def stage(self, name: str, total: int) -> Callable[[int], None]:
        self.stages[name] = [total, 0]

        def advance(steps: int) -> None:
            self.stages[name][1] += steps

        return advance

    def rebuild(
        self, pictures: list[Picture], calibration: list[Picture], stage=None, seed: int = 0, **more
    ) -> Scorecard:
        """`more` are fields of the request or of the work."""
        names = {field.name for field in dataclasses.fields(Work)}
        work = {name: value for name, value in more.items() if name in names}
        asked = {name: value for name, value in more.items() if name not in names}
        files = [(self.spec_file, self.circuit_file)]
        return rebuild(
            RebuildRequest(files, pictures, calibration, **asked),
            self.output,
            Work(stage=stage or self.stage, seed=seed, **work),
        )

    def left_behind(self) -> list[str]:
        """Everything below the folders of results and of the cache."""
        return sorted(
            str(path.relative_to(self.folder))
            for top in ("results", "cache")
            for path in (self.folder / top).rglob("*")
        )

    def unfinished_batches(self) -> list[Path]:
        """The finished batches of unfinished runs."""
        return list((self.folder / "cache" / "unfinished").glob("*/batches/*/*"))


@pytest.fixture
def workshop(tmp_path, host, monkeypatch) -> Workshop:
    return Workshop(tmp_path, host, monkeypatch)


@pytest.fixture
def brief(unreported, monkeypatch) -> None:
    """No pictures and few stimuli, where a test is not about them."""
    monkeypatch.setattr(
        main_path,
        "tuning",
        lambda host, splices, progress, probe, cache, engine: tuning(
            host, splices, progress, 60, probe, cache, engine
        ),
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory, host, pictures, calibration) -> tuple[Workshop, Scorecard]:
    with pytest.MonkeyPatch.context() as patch:
        workshop = Workshop(tmp_path_factory.mktemp("rebuild"), host, patch)
        return workshop, workshop.rebuild(pictures, calibration)


def test_the_folder_holds_the_card_the_pictures_and_the_page(finished):
    workshop, card = finished
    assert (workshop.output / "score.json").read_text() == to_json(card)
    assert (workshop.output / "report.html").read_text().startswith("<!")
    drawings = list(workshop.output.glob("*.png"))
    assert drawings
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in drawings)


def test_the_right_theory_scores_one(finished):
    _, card = finished
    assert card.headline.value > 0.99
    assert min(unit.pearson for unit in card.units) > 0.99
    assert card.recovered["mean"]["kl"].value > 0.99


def test_rebuild_planted_host_has_its_check_in_the_document(finished):
    workshop, card = finished
    check = json.loads((workshop.output / "score.json").read_text())["check"]
    assert check == card.check
    assert list(check) == ["repeated", "alone", "spliced"]
    assert max(check.values()) <= FLOAT32


def test_rebuild_noisy_host_raises(workshop, host, pictures, calibration, monkeypatch):
    network = copy.deepcopy(host.host.network)
    network.get_submodule("head").register_forward_pre_hook(
        lambda module, inputs: (inputs[0] + torch.rand_like(inputs[0]),)
    )
    monkeypatch.setattr(main_path, "load", lambda name: replace(host.host, network=network))
    with pytest.raises(WorkbenchError, match="the same inputs, run again, give others at its ans"):
        workshop.rebuild(pictures, calibration)
    assert not workshop.output.exists()


@pytest.mark.full
def test_in_bfloat16_the_card_and_the_page_say_so(workshop, finished, pictures, calibration):
    _, whole = finished
    card = workshop.rebuild(pictures, calibration, precision="bfloat16")
    assert card.header.host["precision"] == "bfloat16 behind planted"
    assert [unit.pearson for unit in card.units] == [unit.pearson for unit in whole.units]
    assert (
        0
        < abs(
            card.conditions["ablated.zero"].quantities["kl"].value
            - whole.conditions["ablated.zero"].quantities["kl"].value
        )
        < 0.05 * whole.conditions["ablated.zero"].quantities["kl"].value
    )
    assert "bfloat16 behind planted" in (workshop.output / "report.html").read_text()
    assert "precision" not in whole.header.host


def test_a_quick_card_has_one_condition_of_the_spec_and_the_same_figures(
    workshop, brief, finished, pictures, calibration
):
    _, whole = finished
    quick = workshop.rebuild(pictures, calibration, quick=True)
    assert set(quick.conditions) == {
        "natural",
        *ABLATIONS,
        "spliced",
        "baseline.affine",
        "baseline.regression",
    }
    assert quick.conditions == {name: whole.conditions[name] for name in quick.conditions}
    assert quick.headline == whole.headline
    assert any("`--quick`" in sentence for sentence in limits(quick))
    assert not any("`--quick`" in sentence for sentence in limits(whole))


def test_a_quick_page_has_no_visualisations(finished, pictures, calibration, tmp_path, monkeypatch):
    workshop, _ = finished
    assert (workshop.output / "visualised-units.png").exists()
    quick = Workshop(tmp_path, workshop.host, monkeypatch)
    quick.rebuild(pictures[:2], calibration[:2], quick=True)
    assert not (quick.output / "visualised-units.png").exists()
    assert "visualise" not in quick.stages
    assert "<code>--quick</code> leaves them out" in (quick.output / "report.html").read_text()


@pytest.mark.full
def test_a_cluster_gives_the_same_card_to_the_last_bit(
    workshop, brief, pictures, calibration, two_workers
):
    """Every batch is the same computation, in one thread; all that is computed of pictures goes
    over the engine.
    """
    cluster, asked = Cluster(), []

    def engine(function, items):
        asked.append(function)
        return cluster(function, items)

    alone = workshop.rebuild(pictures, calibration)
    before = {stage: tuple(steps) for stage, steps in workshop.stages.items()}
    assert to_json(workshop.rebuild(pictures, calibration, engine=engine)) == to_json(alone)
    assert len(asked) == 4  # calibration, rows, tuning curves, and these in the other variants
    assert {stage: tuple(steps) for stage, steps in workshop.stages.items()} == before


def test_without_an_output_units_are_scored_and_no_answer_is_made_up(
    workshop, pictures, calibration, monkeypatch
):
    monkeypatch.setattr(
        main_path, "load", lambda name: replace(workshop.host.host, output=NoOutput())
    )
    card = workshop.rebuild(pictures, calibration)
    assert min(unit.pearson for unit in card.units) > 0.99
    assert card.recovered["zero"]["consumer"].value > 0.99
    answers = [
        figure.value
        for row in card.conditions.values()
        for figure in (row.quantities["kl"], row.quantities["top1_agreement"], row.recovered)
    ]
    assert answers
    assert set(answers) == {None}
    assert (card.headline.value, card.best_rival, set(card.against.values())) == (
        None,
        None,
        {Figure(None)},
    )
    document = json.loads((workshop.output / "score.json").read_text())
    assert (
        document["has_output"],
        document["recovered"]["kl"]["value"],
        document["conditions"]["spliced"]["kl"],
    ) == (False, None, None)
    page = (workshop.output / "report.html").read_text()
    assert "Figures of the network’s answers are not available: the host has no output" in page
    assert "nothing to recover" not in page


def test_nothing_else_is_left_behind(finished):
    workshop, _ = finished
    assert all(
        name.startswith("results/out")
        for name in workshop.left_behind()
        if not name.startswith("cache")
    )
    assert not (workshop.folder / "cache").exists()  # without a cache nothing is kept


def test_every_stage_comes_to_its_end(finished):
    workshop, _ = finished
    assert workshop.stages == {
        "calibrate": [CALIBRATION, CALIBRATION],
        "score": [PICTURES, PICTURES],
        "tuning curves": [stimuli_count(), stimuli_count()],
        "visualise": [2 * STEPS, 2 * STEPS],
    }


class Interrupting:
    """Raises KeyboardInterrupt at the n-th step of one stage; keeps the steps of all."""

    def __init__(self, name: str, at: int):
        self.name, self.at = name, at

    def __call__(self, name: str, total: int) -> Callable[[int], None]:
        left = [self.at]

        def advance(steps: int) -> None:
            left[0] -= 1
            if name == self.name and left[0] == 0:
                raise KeyboardInterrupt

        return advance


@pytest.mark.parametrize(
    ("stage", "at", "batches"), [("calibrate", 1, 0), ("score", 1, 1), ("tuning curves", 3, 1)]
)
def test_an_interrupt_leaves_no_folder_and_loses_no_finished_batch(
    workshop, pictures, calibration, stage, at, batches
):
    cache = command_cache("a run")
    with pytest.raises(KeyboardInterrupt):
        workshop.rebuild(pictures, calibration, Interrupting(stage, at), cache=cache)
    assert list((workshop.folder / "results").iterdir()) == []
    assert len(workshop.unfinished_batches()) == batches


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("ignored", [False, True], ids=["cached", "cache ignored"])
def test_the_same_command_goes_on_and_gives_the_same_card(
    workshop, pictures, calibration, monkeypatch, ignored
):
    expected = workshop.rebuild(pictures, calibration, cache=command_cache("another run", True))
    cache = command_cache("a run", ignored)
    with pytest.raises(KeyboardInterrupt):
        workshop.rebuild(pictures, calibration, Interrupting("tuning curves", 1), cache=cache)

    def computed(*_):
        raise AssertionError("every batch was finished")

    monkeypatch.setattr(run._JointRun, "_computed", computed)
    cache = command_cache("a run", ignored)
    card = workshop.rebuild(pictures, calibration, cache=cache)
    assert flat(json.loads(to_json(card))) == pytest.approx(
        flat(json.loads(to_json(expected))), abs=SAME, nan_ok=True
    )
    forget(cache)
    assert not (workshop.folder / "cache" / "unfinished" / "a run").exists()


def flat(value, path: str = "") -> dict[str, float]:
    """Every number of a document by its path."""
    if isinstance(value, dict):
        return {
            key: number
            for name, item in value.items()
            for key, number in flat(item, f"{path}.{name}").items()
        }
    if isinstance(value, list):
        return {
            key: number
            for i, item in enumerate(value)
            for key, number in flat(item, f"{path}[{i}]").items()
        }
    return (
        {path: value}
        if isinstance(value, (int, float))
        else {path: np.nan}
        if value is None
        else {}
    )


def test_a_disk_that_is_full_at_the_end_leaves_no_folder(
    workshop, pictures, calibration, monkeypatch
):
    """The page is the last thing written: what stands before it goes again."""
    real = files.os.fsync
    written = []

    def fsync(handle: int) -> None:
        written.append(handle)
        if (workshop.folder / "results").exists() and any(
            (workshop.folder / "results").rglob("score.json")
        ):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(files.os, "fsync", fsync)
    with pytest.raises(WorkbenchError, match=r"cannot be written \(No space left on device\)"):
        workshop.rebuild(pictures, calibration)
    assert written
    assert list((workshop.folder / "results").iterdir()) == []


def test_headline_pictures_that_were_calibrated_on_are_refused(workshop, pictures, calibration):
    with pytest.raises(WorkbenchError, match="1 of 6 were used for calibration"):
        workshop.rebuild([*pictures, calibration[2]], calibration)
    assert workshop.stages == {}
    assert workshop.left_behind() == []


LEDGER = """
tuned:
  circuits: [{{host: planted, circuit: a, pearson: [0.5, 0.9]}}]
  spec: b
  date: '2026-01-01'
  steps: 1
  seed: 0
  written:
    'families.curve.reads.gabor[0].radius_px': 10
    'families.curve.reads.gabor[1].gain': 0
  images: ['{image}']
"""


def test_headline_pictures_that_the_spec_was_tuned_on_are_refused(workshop, pictures, calibration):
    workshop.spec_file.write_text(THEORY + LEDGER.format(image=pictures[1].sha256[:16]))
    with pytest.raises(
        WorkbenchError, match=r"1 of 5 were used for tuning the spec \(drawn-lines-2-01\)"
    ):
        workshop.rebuild(pictures, calibration)
    assert workshop.left_behind() == []


@pytest.mark.usefixtures("brief")
def test_a_tuned_spec_is_scored_as_written_too(workshop, pictures, calibration):
    workshop.spec_file.write_text(THEORY + LEDGER.format(image="0" * 16))
    card = workshop.rebuild(pictures[:2], calibration)
    assert card.tuned_on == {"n": 1, "host": "planted", "date": "2026-01-01"}
    assert card.conditions["spliced"].pearson.value > 0.99
    assert (
        card.conditions["as_written"].pearson.value < 0.9
    )  # half the planted radius, no inhibition
    assert card.cost.tuned == 3


@pytest.mark.usefixtures("brief")
def test_a_family_bound_to_trained_units_is_a_condition_beside(workshop, pictures, calibration):
    """The retina's ON cells know no orientation: read in place of Gabors they make no curves."""
    workshop.spec_file.write_text(THEORY.replace(", phase_deg: {every: 90, over: 180}", ""))
    cells = [TrainedUnit(unit=channel, centre_deg=60.0 * channel) for channel in range(3)]
    dump_circuit(
        trained_circuit(workshop.host.host, cells, "gabor", "retina"),
        workshop.folder / "retina.yaml",
    )
    card = workshop.rebuild(
        pictures[:2], calibration, bound_files={"gabor": workshop.folder / "retina.yaml"}
    )
    assert card.conditions["spliced"].pearson.value > 0.9
    assert card.conditions["trained.gabor"].pearson.value < 0.5
    assert {family: (units["name"], units["site"]) for family, units in card.trained.items()} == {
        "gabor": ("gabor", "retina")
    }


@pytest.mark.usefixtures("brief")
def test_another_theory_of_the_same_units_is_a_condition_beside(workshop, pictures, calibration):
    other = workshop.folder / "wide.yaml"
    other.write_text(
        THEORY.replace("theory: planted", "theory: wide").replace(
            "radius_px: {tune: 20, min: 10, max: 40}", "radius_px: 40"
        )
    )
    card = workshop.rebuild(pictures[:2], calibration, compare_files=[other])
    assert card.conditions["spliced"].pearson.value > 0.99
    assert (
        0.3
        < card.conditions["compared.wide"].pearson.value
        < card.conditions["spliced"].pearson.value - 0.01
    )
    assert (
        card.cost == workshop.rebuild(pictures[:2], calibration).cost
    )  # the other theory's numbers are not this one's


VARIANTS = """\
variants:
  across: {about: lines across the arc, set: {'families.curve.reads.gabor[0].match': normal}}
  as-it-is: {about: nothing is changed, set: {families.curve.window_px: 32}}
  one-gain: {about: one gain for all, units: {gain: shared}}
"""


@pytest.mark.usefixtures("brief")
def test_variants_of_the_theory_are_conditions_and_say_what_they_lose(
    workshop, pictures, calibration
):
    """The planted gains run from 10 to 40: one gain loses a little, lines that cross the arc lose
    the most, and no change nothing.
    """
    workshop.spec_file.write_text(THEORY + VARIANTS)
    card = workshop.rebuild(pictures, calibration)
    rows = {name: card.conditions[f"variant.{name}"] for name in card.variants}
    loses = {name: variant.loses for name, variant in card.variants.items()}
    assert card.variants["across"].about == "lines across the arc"
    assert card.headline.value > 0.99
    assert rows["across"].pearson.value < 0.5
    assert loses["across"].ci95[0] > 0.2
    assert (loses["as-it-is"].value, rows["as-it-is"].quantities["kl"].value) == (
        0,
        card.conditions["spliced"].quantities["kl"].value,
    )
    assert 0.001 < loses["one-gain"].value < loses["across"].value
    for name, row in loses.items():
        assert row.value == pytest.approx(card.headline.value - rows[name].recovered.value)
    written = json.loads((workshop.output / "score.json").read_text())
    assert written["variants"]["across"]["loses"]["value"] == loses["across"].value
    assert written["conditions"]["variant"]["across"]["kl"] == rows["across"].quantities["kl"].value
    workshop.spec_file.write_text(THEORY)
    assert card.cost == workshop.rebuild(pictures, calibration).cost


def test_another_theory_of_other_units_is_refused(workshop, pictures, calibration):
    other = workshop.folder / "other.yaml"
    other.write_text(THEORY.replace("  curve:", "  line:"))
    with pytest.raises(
        WorkbenchError, match="found the from-circuit family 'line'; expected 'curve'"
    ):
        workshop.rebuild(pictures, calibration, compare_files=[other])


def test_a_foreign_folder_is_refused_before_any_work(workshop, pictures, calibration):
    workshop.output.mkdir(parents=True)
    (workshop.output / "thesis.tex").write_text("years")
    with pytest.raises(WorkbenchError, match="is no earlier result"):
        workshop.rebuild(pictures, calibration)
    assert workshop.stages == {}
    assert workshop.left_behind() == ["results/out", "results/out/thesis.tex"]


def test_the_circuit_of_another_host_is_refused(workshop, pictures, calibration):
    other = planted(
        units=(TrainedUnit(unit=2, centre_deg=15.0), TrainedUnit(unit=5, centre_deg=200.0)), seed=1
    )
    assert other.host.fingerprint != workshop.host.host.fingerprint
    dump_circuit(other.trained, workshop.circuit_file)
    with pytest.raises(
        WorkbenchError,
        match=r"circuit curve: found in a host with fingerprint .* expected planted's, .* Survey "
        "this host",
    ):
        workshop.rebuild(pictures, calibration)
    assert workshop.stages == {}


def test_a_single_unit_and_a_single_picture(workshop, pictures, calibration):
    """The least there can be: nothing to permute with, and an interval of no width."""
    lone = planted(units=(TrainedUnit(unit=2, centre_deg=15.0),))
    workshop.host = lone
    dump_circuit(lone.trained, workshop.circuit_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main_path, "load", lambda name: lone.host)
        card = workshop.rebuild(pictures[:1], calibration[:1])
    assert len(card.units) == 1
    assert json.loads((workshop.output / "score.json").read_text())["images"]["n"] == 1


@pytest.mark.full
def test_two_theories_at_two_sites_go_through_the_same_path(
    tmp_path, pictures, calibration, monkeypatch
):
    twice = planted_twice()
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(main_path, "load", lambda name: twice.host)
    files = [
        (tmp_path / f"{trained.circuit}-theory.yaml", tmp_path / f"{trained.circuit}.yaml")
        for trained in twice.trained
    ]
    for (spec_file, circuit_file), text, trained in zip(
        files, (EDGES, THEORY), twice.trained, strict=True
    ):
        spec_file.write_text(text)
        dump_circuit(trained, circuit_file)
    stages: dict[str, int] = {}

    def stage(name: str, total: int) -> Callable[[int], None]:
        stages[name] = total
        return lambda steps: stages.__setitem__(name, stages[name] - steps)

    card = rebuild(
        RebuildRequest(files, pictures, calibration), tmp_path / "out", Work(stage=stage)
    )
    assert stages == {"calibrate": 0, "score": 0, "tuning curves": 0, "visualise": 0}
    assert card.headline.value > 0.99
    assert [theory.circuit["site"] for theory in card.theories] == ["retina", "planted"]
    page = (tmp_path / "out" / "report.html").read_text()
    for phrase in (
        "edges, for 4 units of retina",
        "planted, for 6 units of planted",
        "<summary>edge</summary>",
        "<summary>gabor</summary>",
        "edges at retina.",
    ):
        assert phrase in page, phrase
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert {"kernels-1-edge-1", "kernels-2-curve-1", "tuning-1-radii", "tuning-2-radii"} <= names
    assert any(name.startswith("patches-retina-") for name in names)
    assert any(name.startswith("patches-planted-") for name in names)


def test_another_device_gives_the_same_scorecard(workshop, pictures, calibration, brief):
    """Bootstrap and ranks too are taken there."""
    expected = numbers(json.loads(to_json(workshop.rebuild(pictures, calibration))))
    with elsewhere() as device:
        card = workshop.rebuild(pictures, calibration, device=device)
    assert (card.header.computed["device"], card.header.computed["statistics"]) == (
        "cuda:0, a device that is not there",
        "torch",
    )
    on_device = numbers(json.loads(to_json(card)))
    assert on_device == pytest.approx(expected, rel=SAME, abs=CONSTANT)
