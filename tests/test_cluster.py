"""The Ray engine on a real cluster of two workers: the same rows as in one process, whoever is
killed, whatever is raised, whoever began.
"""

import io
import json
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from tests.documents import numbers
from tests.evaluate.test_run import (
    FLOAT32,  # as between two sizes of batch: a worker may sum in another order
)
from tests.evaluate.test_run import same as close
from tests.interrupted import stopped_at
from tests.planted import EDGES, THEORY, Run, planted, planted_run, planted_twice
from workbench import cluster
from workbench.cache import Cache, kinds
from workbench.cli import main
from workbench.cluster import AHEAD, Cluster
from workbench.engine import Engine, here
from workbench.errors import WorkbenchError
from workbench.evaluate.calibration import calibrated_each
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import Statistics
from workbench.hosts.named import trust
from workbench.hosts.store import load
from workbench.spec import dump_circuit
from workbench.spec.problems import Problem, SpecError
from workbench.vision.pictures import Picture, folder
from workbench.vision.pictures.drawn import drawn
from workbench.vision.survey import NoneFoundError
from workbench.vision.tuning import tuning
from workbench.work import Work

ROOT = Path(__file__).parents[1]
COUNT, SIZE, WORKERS = 7, 2, 2
COUNTS = ("agreement", "top1", "top5")
LIMIT = 1 << 28  # bytes
WAIT_S = 60.0  # for another process, on a busy machine

pytestmark = pytest.mark.usefixtures("two_workers")


@pytest.fixture(scope="module")
def run() -> Run:
    return planted_run(COUNT, 3)


@pytest.fixture(scope="module")
def alone(run) -> Statistics:
    """What one process gives."""
    return evaluated(run, here)


def evaluated(
    run: Run, engine: Engine, pictures: list[Picture] | None = None, **more
) -> Statistics:
    return evaluate(
        run.host,
        [run.splices],
        run.pictures if pictures is None else pictures,
        Work(engine=engine, **more),
        size=SIZE,
    )


def same(a: Statistics, b: Statistics) -> None:
    """Counts to the bit, the rest to rounding."""
    close(a, b, FLOAT32)
    for name, rows in a.rows.items():
        assert [rows[count].tolist() for count in COUNTS] == [
            b.rows[name][count].tolist() for count in COUNTS
        ]


def watched(
    run: Run, where: Path, before: Callable[[Path], None] = lambda where: None
) -> list[Picture]:
    """The pictures, each of which leaves the id of the process that reads it in the folder `where`,
    and the first of which does `before` then.
    """
    firsts = [before] + [lambda where: None] * COUNT
    return [
        replace(picture, load=partial(_noted, where, first, picture.load))
        for picture, first in zip(run.pictures, firsts, strict=False)
    ]


def _noted(where: Path, before: Callable[[Path], None], load: Callable):
    (where / f"{os.getpid()}.pid").touch()
    before(where)
    return load()


def read_by(where: Path) -> set[int]:
    return {int(file.stem) for file in where.glob("*.pid")}


def await_files(where: Path, count: int) -> None:
    until = time.monotonic() + WAIT_S
    while len(list(where.glob("*.here"))) < count:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_answers_come_in_order_from_two_processes_at_once(tmp_path):
    def answer(item: int) -> tuple[int, int]:
        if item < WORKERS:  # each waits for the other
            (tmp_path / f"{item}.here").touch()
            await_files(tmp_path, WORKERS)
        return item, os.getpid()

    answers = list(Cluster()(answer, range(9)))
    assert [item for item, _ in answers] == list(range(9))
    assert len({process for _, process in answers[:WORKERS]} - {os.getpid()}) == WORKERS


def test_few_items_are_under_way():
    taken: list[int] = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    answers = Cluster()(lambda item: item, items())
    assert next(answers) == 0
    assert len(taken) == AHEAD * WORKERS
    answers.close()


def test_rows_are_those_of_one_process_and_come_from_others(run, alone, tmp_path):
    same(evaluated(run, Cluster(), watched(run, tmp_path)), alone)
    assert read_by(tmp_path)
    assert os.getpid() not in read_by(tmp_path)


def test_calibration_and_tuning_curves_are_those_of_one_process(run):
    (splices,) = calibrated_each(
        run.host, [run.splices.circuits], run.calibration, Work(engine=Cluster())
    )
    assert splices.level.numpy() == pytest.approx(run.splices.level.numpy(), rel=FLOAT32)
    for condition in ("spliced", "baseline.regression"):
        there, here_fitted = splices.conditions[condition], run.splices.conditions[condition]
        assert there.gain.numpy() == pytest.approx(here_fitted.gain.numpy(), rel=FLOAT32)
        assert there.bias.numpy() == pytest.approx(here_fitted.bias.numpy(), abs=FLOAT32)
    steps: list[int] = []
    there, here_fitted = (
        tuning(run.host, run.splices, steps.append, 90, engine=Cluster()),
        tuning(run.host, run.splices, step_deg=90),
    )
    assert there.trained == pytest.approx(here_fitted.trained, abs=FLOAT32)
    assert there.handwritten == pytest.approx(here_fitted.handwritten, abs=FLOAT32)
    assert there.variants.keys() == here_fitted.variants.keys()
    assert steps


def test_a_worker_that_is_killed_changes_nothing(run, alone, tmp_path):
    def die_once(where: Path) -> None:
        marker = where / "killed"
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    same(evaluated(run, Cluster(), watched(run, tmp_path, die_once)), alone)
    assert (tmp_path / "killed").exists()


def test_a_batch_that_kills_each_worker_is_told(monkeypatch):
    monkeypatch.setattr(cluster, "RETRIES", 0)
    with pytest.raises(WorkbenchError, match="lost with every worker that computed it, 1 in all"):
        list(Cluster()(lambda item: os.kill(os.getpid(), signal.SIGKILL), range(1)))


def test_what_a_worker_raises_is_raised_here(run, tmp_path):
    for i, picture in enumerate(drawn(2, seed=2)):
        (tmp_path / f"{i}.png").write_bytes(_png(picture))
    pictures = folder(tmp_path)
    (tmp_path / "1.png").unlink()
    messages = []
    for engine in (here, Cluster()):
        with pytest.raises(WorkbenchError) as caught:
            evaluated(run, engine, pictures)
        assert type(caught.value) is WorkbenchError
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert "1.png: cannot be read any more" in messages[0]
    with pytest.raises(ZeroDivisionError):
        list(Cluster()(lambda item: 1 // item, [1, 0]))


def _png(picture: Picture) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture.load()).save(content, "png")
    return content.getvalue()


def test_a_relative_folder_is_found_by_workers_elsewhere(run, tmp_path, monkeypatch):
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "0.png").write_bytes(_png(run.pictures[0]))
    monkeypatch.chdir(tmp_path)
    assert evaluated(run, Cluster(), folder("some")).names == ("0.png",)


@pytest.mark.parametrize(
    ("begun", "ended"), [(here, Cluster), (Cluster, here)], ids=["here first", "cluster first"]
)
def test_engines_take_turns_at_one_run(run, alone, tmp_path, begun, ended):
    first, second = (here if each is here else each() for each in (begun, ended))
    where, unfinished = tmp_path / "read", Cache(tmp_path / "unfinished", LIMIT, "run")
    cache = Cache(tmp_path / "full", 1, unfinished=unfinished)  # so that workers keep nothing
    where.mkdir()
    with pytest.raises(KeyboardInterrupt):
        evaluated(run, first, cache=cache, stage=stopped_at("score", 1))
    assert len([path for path in unfinished.folder.rglob("*") if path.is_file()]) == 1
    pictures = watched(
        run, where, lambda where: pytest.fail("read again")
    )  # the first picture, whose batch was kept
    same(evaluated(run, second, pictures, cache=cache), alone)
    assert (os.getpid() in read_by(where)) == (ended is here)


def test_what_workers_keep_is_found_here(run, alone, tmp_path):
    cache = Cache(tmp_path / "kept", LIMIT)
    same(evaluated(run, Cluster(), cache=cache), alone)
    assert cache.bytes == 0  # this process wrote nothing
    again = pickle.loads(pickle.dumps(cache))
    assert again.bytes == sum(size for _, size in kinds(cache.folder).values()) > 0
    unread = [replace(picture, load=lambda: pytest.fail("read again")) for picture in run.pictures]
    same(evaluated(run, here, unread, cache=again), alone)


def test_workers_with_other_code_are_refused(monkeypatch):
    monkeypatch.setattr(cluster, "code_version", lambda: "another")
    with pytest.raises(
        WorkbenchError,
        match="another version of the workbench, torch, NumPy, Pillow, SciPy or scikit-learn; "
        "expected",
    ):
        list(Cluster()(lambda item: item, range(1)))


@pytest.fixture
def at_work(tmp_path, monkeypatch) -> Path:
    """The folder that commands run in, with pictures to score and to calibrate on."""
    for name, count, seed in (("images", 5, 2), ("fit", 4, 1)):
        (tmp_path / name).mkdir()
        for i, picture in enumerate(drawn(count, seed)):
            (tmp_path / name / f"n{i % 3:08d}_{i}.png").write_bytes(_png(picture))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


def by_both(monkeypatch, words: list[str], stages: int) -> None:
    """The command writes the same documents under both engines, to folders of these names, and
    `stages` of it went over the cluster.
    """
    asked, ask = [], Cluster.__call__
    monkeypatch.setattr(
        Cluster, "__call__", lambda engine, *more: (asked.append(engine), ask(engine, *more))[1]
    )
    for engine in ("here", "ray"):
        assert not asked
        result = CliRunner().invoke(
            main,
            [
                *words,
                "--images",
                "images",
                "--calibration",
                "fit",
                "--engine",
                engine,
                "-o",
                engine,
            ],
        )
        assert result.exit_code == 0, result.output
    assert len(asked) == stages
    files = [
        sorted(file.relative_to(engine) for file in Path(engine).rglob("*.json"))
        for engine in ("here", "ray")
    ]
    assert files[0] == files[1]
    for file in files[0]:
        alone, spread = (Path(engine, file).read_text() for engine in ("here", "ray"))
        words_and_counts = [
            json.loads(text, parse_float=lambda figure: "a float") for text in (alone, spread)
        ]
        assert words_and_counts[0] == words_and_counts[1]
        expected, spread_numbers = (numbers(json.loads(text)) for text in (alone, spread))
        assert spread_numbers == pytest.approx(expected, rel=FLOAT32, abs=FLOAT32)
        counts = {
            place
            for place in expected
            if {"top1_agreement", "agreement", "top1", "top5"} & set(place.split("/"))
        }
        assert {place: spread_numbers[place] for place in counts} == {
            place: expected[place] for place in counts
        }


def test_a_frontier_is_that_of_one_process(at_work, monkeypatch):
    twice = planted_twice()
    monkeypatch.setattr("workbench.analyses.frontier.run.load", lambda name: twice.host)
    words = []
    for trained, spec in zip(twice.trained, (EDGES, THEORY), strict=True):
        Path(f"{trained.circuit}-spec.yaml").write_text(spec)
        dump_circuit(trained, Path(f"{trained.circuit}.yaml"))
        words += [f"{trained.circuit}-spec.yaml", "--circuit", f"{trained.circuit}.yaml"]
    by_both(monkeypatch, ["frontier", *words, "--no-cache"], stages=3)  # calibration, means, rows


@pytest.mark.full
def test_universality_is_that_of_one_process(at_work, unreported, monkeypatch):
    hosts = {f"seed-{seed}": planted(seed=seed) for seed in (1, 2)}
    for module in ("workbench.rebuild", "workbench.analyses.universality.run"):
        monkeypatch.setattr(f"{module}.load", lambda name: replace(hosts[name].host, name=name))
    Path("spec.yaml").write_text(THEORY)
    words = ["spec.yaml"]
    for name, variant in hosts.items():
        dump_circuit(variant.trained.model_copy(update={"host": name}), Path(f"{name}.yaml"))
        words += ["--host", name, "--circuit", f"{name}.yaml"]
    stages = 4 * len(hosts)  # calibration, rows, tuning curves, and these in the other variants
    by_both(monkeypatch, ["universality", *words], stages)


HOSTS = """\
from torch import nn
from second_file import Second
from workbench.hosts import PictureInput, host_from_module

class Own(nn.ReLU):
    pass

def host(module):
    network = nn.Sequential(nn.Conv2d(3, 8, 5), module, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    pictures = PictureInput(size_px=32, mean_rgb=(128.0, 128.0, 128.0))
    return host_from_module(network, "own", {"first": "0"}, pictures, links={"first": "identity"})

def whole():
    return host(Own())

def in_two_files():
    return host(Second())
"""


def test_a_host_of_the_users_own_file_travels_but_not_what_it_imports(tmp_path):
    (tmp_path / "my_hosts.py").write_text(HOSTS)
    (tmp_path / "second_file.py").write_text(
        "from torch import nn\n\nclass Second(nn.ReLU):\n    pass\n"
    )
    whole, in_two_files = (f"{tmp_path}/my_hosts.py:{name}" for name in ("whole", "in_two_files"))
    for name in (whole, in_two_files):
        trust(name)
    x = torch.linspace(0, 255, 3 * 32 * 32).reshape(1, 3, 32, 32)
    loaded = load(whole)
    (output,) = Cluster()(lambda x: loaded.run(x)[0], [x])
    assert output.tolist() == loaded.run(x)[0].tolist()
    loaded = load(in_two_files)
    with pytest.raises(
        WorkbenchError,
        match=r"No module named 'second_file'.*Install the same versions on every machine",
    ):
        list(Cluster()(lambda x: loaded.run(x)[0], [x]))


@pytest.mark.parametrize(
    "error",
    [
        WorkbenchError("here", "this", "that", "mend it"),
        SpecError([Problem("a.yaml", 1, 2, "key", "this")]),
        NoneFoundError("survey", "nothing"),
    ],
)
def test_errors_travel_whole(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    for verb in (("score",), ("frontier", "a.yaml"), ("universality", "a.yaml")):
        result = CliRunner().invoke(main, [*verb, "--engine", "ray"])
        assert result.exit_code == 2
        assert "pip install 'handwritten-weights-workbench[cluster]'" in result.output


@pytest.mark.parametrize("words", [("score",), ("frontier", "a.yaml"), ("universality", "a.yaml")])
def test_a_device_of_workers_is_refused(monkeypatch, words):
    monkeypatch.setattr("workbench.arrays.devices.chosen_device", lambda given, say: given or "cpu")
    result = CliRunner().invoke(main, [*words, "--engine", "ray", "--device", "cuda"])
    assert result.exit_code == 2
    assert "expected --device cpu" in result.output


def test_a_cluster_without_processors_is_refused(monkeypatch):
    monkeypatch.setattr(Cluster().ray, "cluster_resources", dict)
    with pytest.raises(WorkbenchError, match="without processors"):
        list(Cluster()(abs, [1]))


class HeadlessRay:
    """Ray whose tasks never end, and whose head listens at no port."""

    exceptions = pytest.importorskip("ray").exceptions

    def wait(self, tasks, timeout):
        return [], tasks

    def get_runtime_context(self):
        return SimpleNamespace(gcs_address="127.0.0.1:1")


def test_result_of_a_cluster_whose_head_has_died_ends_in_a_sentence(monkeypatch):
    engine = Cluster()
    monkeypatch.setattr(engine, "ray", HeadlessRay())
    for ask in (lambda: engine._result("task"), engine._room):
        start = time.monotonic()
        with pytest.raises(WorkbenchError, match=r"127\.0\.0\.1:1: the head does not answer"):
            ask()
        assert time.monotonic() - start < WAIT_S


def test_an_address_without_ray_is_refused():
    result = CliRunner().invoke(main, ["score", "--ray-address", "10.0.0.1:6379"])
    assert result.exit_code == 2
    assert "expected --engine ray" in result.output


def test_a_cluster_that_wants_a_token_is_told(monkeypatch):
    ray = Cluster().ray

    def refuse(*words, **more):
        raise ray.exceptions.AuthenticationError("no token was found")

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(
        WorkbenchError, match=r"no token was found.*set RAY_AUTH_MODE=token for this command too"
    ):
        Cluster()


@pytest.mark.parametrize("verb", ["score", "frontier", "universality"])
def test_a_cluster_is_connected_to_before_pictures_are_read(monkeypatch, verb):
    """And so before any progress is shown."""
    ray, connected = Cluster().ray, []
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda *_, **__: connected.append(True))
    result = CliRunner().invoke(
        main, [verb, "specs/curve-detectors.yaml", "--engine", "ray", "--images", "nowhere"]
    )
    assert "nowhere: is not there" in result.output
    assert connected == [True]
