"""Fixtures for every test: the hosts, the shared folder, and a tiny random host for what needs no
trained network.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.files import CACHE_VARIABLE, cache_folder
from workbench.hosts import Host, PictureInput, host_from_module, store
from workbench.score.document import to_json

SHARED = Path(os.environ.get("WORKBENCH_SHARED", Path(__file__).parents[2] / "shared"))
# Two threads on a busy machine wait for each other; `pytest -n`, as in the Makefile, uses the other
# cores better.
torch.set_num_threads(1)

OBJECT_STORE = 200_000_000  # bytes: more than any test sends, and what a container gives
MUST_NOT_SKIP = SHARED.is_dir() or os.environ.get("CI_SHARED") == "1"
MUST_HAVE_BROWSER = os.environ.get("CI_BROWSER") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where the shared networks and photographs are at hand, a test that wants them must run: a
    skip is a failure. So it is for a test that wants a browser, with CI_BROWSER=1.
    """
    report = yield
    wants = item.get_closest_marker("inceptionv1") or item.get_closest_marker("shared")
    where = f"{SHARED} exists or CI_SHARED=1" if wants and MUST_NOT_SKIP else ""
    if item.get_closest_marker("browser") and MUST_HAVE_BROWSER:
        where = "CI_BROWSER=1"
    if report.skipped and not hasattr(report, "wasxfail") and where:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = (
            "failed",
            f"{item.nodeid} must not be skipped where {where} ({reason})",
        )
    return report


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of this process's own, so that nothing of another process's is read or cleared.

    The hosts in it are the user's.
    """
    hosts, cache = cache_folder().resolve() / "hosts", tmp_path_factory.mktemp("cache")
    hosts.mkdir(parents=True, exist_ok=True)
    (cache / "hosts").symlink_to(hosts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(cache))
        yield


@contextmanager
def _alone() -> Iterator[None]:
    """No other process of the suite is within such a block at the same time: hosts are put into one
    folder.
    """
    folder = os.open(cache_folder() / "hosts", os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _installed(name: str, install) -> Host:
    with _alone():
        try:
            return store.load(name)
        except WorkbenchError:
            install()
            return store.load(name)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with networks, photographs and published references, beside the checkout or where
    WORKBENCH_SHARED says.
    """
    if not SHARED.is_dir():
        pytest.skip(f"no shared folder at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def squeezenet() -> Host:
    """The default host, pulled if it is not there."""
    return _installed("squeezenet", lambda: store.pull("squeezenet"))


@pytest.fixture(scope="session")
def inceptionv1(shared: Path) -> Host:
    """InceptionV1, added from the shared folder if it is not there.

    Tests that use it are marked `inceptionv1`.
    """
    return _installed(
        "inceptionv1", lambda: store.add("inceptionv1", shared / "networks" / "inceptionv1")
    )


@pytest.fixture(scope="session")
def squeezenet_second_run(shared: Path) -> Host:
    """As `inceptionv1`; tests that use it are marked `shared`."""
    return _installed(
        "squeezenet_second_run",
        lambda: store.add("squeezenet_second_run", shared / "networks" / "squeezenet_second_run"),
    )


@pytest.fixture(scope="session")
def resnet50v2_trunk(shared: Path) -> Host:
    """A host without an output. As `inceptionv1`; tests that use it are marked `shared`."""
    return _installed(
        "resnet50v2_trunk",
        lambda: store.add("resnet50v2_trunk", shared / "networks" / "resnet50v2_trunk"),
    )


@pytest.fixture(scope="session")
def efficientnet_lite0() -> Host:
    """Pulled if it is not there."""
    return _installed("efficientnet-lite0", lambda: store.pull("efficientnet-lite0"))


def _transformer(shared: Path, name: str) -> Host:
    """A transformer of the shared folder, added if it is not there."""
    folder = shared / "networks" / "transformers"
    return _installed(name, lambda: store.add(name, folder))


@pytest.fixture(scope="session")
def modular_addition(shared: Path) -> Host:
    """As `inceptionv1`; tests that use it are marked `shared`."""
    return _transformer(shared, "modular_addition")


@pytest.fixture(scope="session")
def induction(shared: Path) -> Host:
    """As `inceptionv1`; tests that use it are marked `shared`."""
    return _transformer(shared, "induction")


@pytest.fixture(scope="session")
def stories260k(shared: Path) -> Host:
    """As `inceptionv1`; tests that use it are marked `shared`."""
    return _transformer(shared, "stories260k")


@pytest.fixture(scope="session")
def minilm() -> Host:
    """Pulled if it is not there."""
    return _installed("minilm", lambda: store.pull("minilm"))


@pytest.fixture(scope="session")
def two_workers() -> Iterator[None]:
    """A Ray cluster of two worker processes on this machine, which `Cluster()` finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray = pytest.importorskip("ray")
        ray.init(
            "local",
            num_cpus=2,
            object_store_memory=OBJECT_STORE,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
        yield
        ray.shutdown()


@pytest.fixture
def unreported(monkeypatch) -> None:
    """A scorecard is written without pictures and page, which take most of the time, where a test
    is not about them.
    """
    without_page(monkeypatch)
    monkeypatch.setattr("workbench.rebuild.visualised_each", lambda *_: ())


def without_page(patch: pytest.MonkeyPatch) -> None:
    """Let a score write score.json alone, without pictures and page."""
    patch.setattr(
        "workbench.rebuild.write_report",
        lambda folder, card, *_: (folder / "score.json").write_text(to_json(card)),
    )


def tiny_network(seed: int = 0) -> nn.Sequential:
    """Three random convolutions and a classifier of 5 classes, for pictures of 32 pixels squared or
    more.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 8, 5, 2, padding=2), nn.ReLU()),
            nn.Sequential(nn.Conv2d(8, 12, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(12, 16, 3, 2, padding=1), nn.ReLU()),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5)),
        )


@pytest.fixture(scope="session")
def tiny_host() -> Host:
    """Sites first (8 channels, stride 2), second (12, 2) and third (16, 4) over pictures of 32
    pixels squared; 5 classes.
    """
    sites = {"first": "0", "second": "1", "third": "2"}
    return host_from_module(
        tiny_network(),
        "tiny",
        sites,
        PictureInput(size_px=32, mean_rgb=(128.0, 128.0, 128.0), scale_rgb=(64.0, 64.0, 64.0)),
    )
