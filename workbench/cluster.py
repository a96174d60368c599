"""The engine that computes on a Ray cluster (the extra `cluster`).

Ray places the tasks, and repeats those of a worker that died. The function with its host, circuits
and conditions is put into Ray's object store once, and each worker process reads it once. Ray
pickles it, between processes of one user that run the same code; files of weights and circuits are
never unpickled on any machine.
"""

import importlib
import os
import platform
import socket
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

import torch

from workbench.code import code_version
from workbench.engine import Item, Result, in_turn
from workbench.errors import WorkbenchError

# processors, and so threads, of a task: threads of several tasks would wait for each other
CPUS = 1
RETRIES = 3  # of a task whose worker died; an error that it raises itself is not retried
REACH_S = 10.0  # time for another machine to answer
POLL_S = 5.0  # after which a driver that waits for a batch asks whether the head still answers
# tasks submitted for each one that the cluster can run at once: one runs, one waits
AHEAD = 2
# Ray's message if a worker has no workbench, or one without this file
UNIMPORTABLE = "failed to import on the worker"


class Cluster:
    """A Ray cluster as an engine.

    It is the cluster at `address`, else the one that Ray finds (RAY_ADDRESS, or one that runs on
    this machine), else one of this machine's processors, which Ray starts and ends with this
    process. The constructor connects to it, which takes seconds and prints lines of Ray's, before
    any progress is shown.

    Raises WorkbenchError if Ray is not installed or cannot be reached, or if workers run other
    code, and the errors of the batches.
    """

    def __init__(self, address: str | None = None) -> None:
        try:
            self.ray: Any = importlib.import_module("ray")
        except ModuleNotFoundError as error:
            if error.name != "ray":
                raise
            raise WorkbenchError(
                "--engine ray",
                "Ray is not installed",
                remedy="Run pip install 'handwritten-weights-workbench[cluster]'.",
            ) from None
        self.address = address
        self._connect()

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item], /
    ) -> Iterator[Result]:
        """Map as described by `Engine`.

        At most AHEAD tasks are submitted for each processor of the cluster, so that memory does not
        grow with the number of items.
        """
        task = self.ray.remote(num_cpus=CPUS, max_retries=RETRIES)(_work)
        send = partial(task.remote, code_version(), [self.ray.put(function)])
        yield from in_turn(items, self._room, send, self._result, self._drop)

    def _room(self) -> int:
        """How many tasks may be submitted now, as machines come and go.

        Raises WorkbenchError if there is no processor, since a task would wait for ever, and if
        the head has died.
        """
        self._refuse_headless()
        if processors := int(self.ray.cluster_resources().get("CPU", 0)) // CPUS:
            return AHEAD * processors
        raise WorkbenchError(
            "Ray",
            "a cluster without processors",
            remedy="`ray start --address=HEAD:PORT` adds a machine.",
        )

    def _connect(self) -> None:
        if self.ray.is_initialized():
            return
        # no report of usage to Ray's makers, and no errors of tasks dropped after the first error
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
        address = self.address or os.environ.get("RAY_ADDRESS", "")
        try:
            _reach(address)
            self.ray.init(
                self.address, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
            )
        except (
            OSError,
            RuntimeError,
            ValueError,
            self.ray.exceptions.AuthenticationError,
        ) as error:
            raise WorkbenchError(
                f"Ray at {address or 'this machine'}",
                " ".join(str(error).split()),
                remedy="`ray status` shows whether a cluster runs; `ray start --head` starts one. "
                "If the cluster requires a token, set RAY_AUTH_MODE=token for this command too.",
            ) from error

    def _refuse_headless(self) -> None:
        """Raise WorkbenchError if the head does not answer; Ray itself would try for minutes."""
        head = self.ray.get_runtime_context().gcs_address
        try:
            _reach(head)
        except OSError as error:
            raise WorkbenchError(
                f"Ray at {head}",
                f"the head does not answer any more ({error})",
                remedy="Finished batches are kept: start a cluster again with `ray start --head`, "
                "and the same command continues.",
            ) from error

    def _drop(self, task: Any) -> None:
        if self.ray.is_initialized():
            self.ray.cancel(task)

    def _result(self, task: Any) -> Any:
        """The result of one task.

        Raises the error that the task raised, and WorkbenchError if its workers or the head died.
        """
        try:
            while not self.ray.wait([task], timeout=POLL_S)[0]:
                self._refuse_headless()
            return self.ray.get(task)
        except self.ray.exceptions.RayTaskError as error:
            if UNIMPORTABLE in str(error.cause):
                raise _different("a worker", error.cause) from error
            raise error.cause from error
        except self.ray.exceptions.RayError as error:
            raise WorkbenchError(
                "Ray",
                f"a batch was lost with every worker that computed it, {1 + RETRIES} in all "
                f"({' '.join(str(error).split())})",
                remedy="Check whether memory was short. Finished batches are kept: the same "
                "command continues.",
            ) from error


def _reach(address: str) -> None:
    """Raise OSError if nothing listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()


def _work(code: str, sent: list[Any], item: Any) -> Any:
    """Call the function that was sent with one item, on a worker.

    Raises WorkbenchError if the worker runs other code than the driver.
    """
    if code_version() != code:
        raise _different(
            platform.node(),
            "another version of the workbench, torch, NumPy, Pillow, SciPy or scikit-learn",
        )
    torch.set_num_threads(CPUS)
    return _opened(sent[0])(item)


def _different(machine: str, cause: object) -> WorkbenchError:
    return WorkbenchError(
        f"Ray, on {machine}",
        str(cause).strip().splitlines()[-1],  # the last line of a traceback is the error
        "the modules and versions that the command runs with",
        "Install the same versions on every machine: rounding and cached results depend on them.",
    )


@lru_cache(maxsize=1)
def _opened(sent: Any) -> Any:
    """Read what was sent, once in this process for all tasks of a run.

    Raises WorkbenchError for a missing module, such as one in the folder of a host's file.
    """
    ray = importlib.import_module("ray")
    try:
        return ray.get(sent)
    except ray.exceptions.RaySystemError as error:
        raise _different(platform.node(), error) from None
