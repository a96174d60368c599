"""The engine that computes on a Ray cluster (the extra `cluster`): Ray places the tasks, and runs those of a killed worker again.

What a run needs of host, circuits and conditions goes into Ray's object store once, and each worker process opens it once. It travels by Ray's own
pickling, between processes of one user that run the same code; files of weights and circuits are never unpickled, here or there.
"""

import importlib
import os
import platform
import socket
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

import torch

from workbench.code import computed_by
from workbench.engine import Found, Item, in_turn
from workbench.errors import WorkbenchError

CPUS = 1  # and so threads, of a task: pictures share nothing, and threads of several tasks would wait for each other
RETRIES = 3  # of a task whose worker died; what it raises itself is no reason to try again
REACH_S = 10.0  # for another machine to answer
AHEAD = 2  # tasks under way for each that the cluster can run at once: one more waits, and no more results than these are held
UNIMPORTABLE = "failed to import on the worker"  # Ray's words where a worker has no workbench, or one without this file


class Cluster:
    """A Ray cluster as an engine: the one at `address`, else the one that Ray finds (RAY_ADDRESS, or one that runs on this machine), else one of
    this machine's processors, which Ray starts and ends with this process. It is connected to at once: that takes seconds, and lines of
    Ray's, before any progress is shown.

    Raises WorkbenchError where Ray is not installed, cannot be reached, or has workers that run other code, and the errors of the batches.
    """

    def __init__(self, address: str | None = None):
        try:
            self.ray: Any = importlib.import_module("ray")
        except ModuleNotFoundError as error:
            if error.name != "ray":
                raise
            raise WorkbenchError(
                "--engine ray", "Ray is not installed", remedy="Run pip install 'handwritten-weights-workbench[cluster]'."
            ) from None
        self.address = address
        self._connect()

    def __call__(self, function: Callable[[Item], Found], items: Iterable[Item], /) -> Iterator[Found]:
        """As `Engine`. At most AHEAD tasks for each processor of the cluster are under way, so memory does not hang on the number of items."""
        task = self.ray.remote(num_cpus=CPUS, max_retries=RETRIES)(_work)
        send = partial(task.remote, computed_by(), [self.ray.put(function)])
        yield from in_turn(items, self._room, send, self._result, self._drop)

    def _room(self) -> int:
        """For tasks, now: machines may come and go. Raises WorkbenchError where there is no processor: a task would wait for ever."""
        if processors := int(self.ray.cluster_resources().get("CPU", 0)) // CPUS:
            return AHEAD * processors
        raise WorkbenchError("Ray", "a cluster without processors", remedy="`ray start --address=HEAD:PORT` adds a machine.")

    def _connect(self) -> None:
        if self.ray.is_initialized():
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what a user computes is told to nobody
        os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of tasks that nobody waits for after the first error
        address = self.address or os.environ.get("RAY_ADDRESS", "")
        try:
            _reach(address)
            self.ray.init(self.address, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError, self.ray.exceptions.AuthenticationError) as error:
            raise WorkbenchError(
                f"Ray at {address or 'this machine'}",
                " ".join(str(error).split()),
                remedy="`ray status` tells whether a cluster runs; `ray start --head` starts one. A cluster that wants a token wants "
                "RAY_AUTH_MODE=token of this command too.",
            ) from error

    def _drop(self, task: Any) -> None:
        if self.ray.is_initialized():
            self.ray.cancel(task)

    def _result(self, task: Any) -> Any:
        """Of one task. What it raised is raised here as if it had been here; where its workers died, WorkbenchError."""
        try:
            return self.ray.get(task)
        except self.ray.exceptions.RayTaskError as error:
            if UNIMPORTABLE in str(error.cause):
                raise _unlike("a worker", error.cause) from error
            raise error.cause from error
        except self.ray.exceptions.RayError as error:
            raise WorkbenchError(
                "Ray",
                f"a batch was lost with every worker that had it, {1 + RETRIES} in all ({' '.join(str(error).split())})",
                remedy="Look whether memory was short. What is finished is kept: the same command goes on.",
            ) from error


def _reach(address: str) -> None:
    """Raises OSError where nobody listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()


def _work(code: str, sent: list[Any], item: Any) -> Any:
    """On a worker: the function that was sent, of one item. Raises WorkbenchError where this is not the driver's code."""
    if computed_by() != code:
        raise _unlike(platform.node(), "another version of the workbench, torch, NumPy, Pillow, SciPy or scikit-learn")
    torch.set_num_threads(CPUS)
    return _opened(sent[0])(item)


def _unlike(machine: str, found: object) -> WorkbenchError:
    return WorkbenchError(
        f"Ray, on {machine}",
        str(found).strip().splitlines()[-1],  # of a traceback, what was raised
        "the modules and versions that the command runs with",
        "Install the same on every machine: rounding, and what is kept, depend on it.",
    )


@lru_cache(maxsize=1)
def _opened(sent: Any) -> Any:
    """What was sent, opened once in this process: tasks of one run follow each other. Raises WorkbenchError for a module that is not there, as one
    beside a host's file is not."""
    ray = importlib.import_module("ray")
    try:
        return ray.get(sent)
    except ray.exceptions.RaySystemError as error:
        raise _unlike(platform.node(), error) from None
