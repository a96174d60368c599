"""A process that stays: torch and the host are loaded once, and a killed one is started again."""

import asyncio
import multiprocessing
import os
import signal
import sys
import traceback
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from workbench.errors import WorkbenchError, described

ATTEMPTS = 2  # a task whose process is killed is tried once more


class Worker:
    """One process that runs functions of the module `tasks` in turn, from the first of them on.

    Nothing heavy is imported in the process that asks.
    """

    def __init__(self, name: str, tasks: str):
        self.name, self.tasks, self.stopped = name, tasks, False
        self.turn = asyncio.Lock()
        self.process: SpawnProcess | None = None

    async def run(self, task: str, *given: Any) -> Any:
        """The result of the function of that name.

        Raises its WorkbenchError, and one if the process is killed twice during the task.
        """
        async with self.turn:
            return await asyncio.to_thread(self._ask, task, given)

    def stop(self) -> None:
        """End the process, also in the middle of a task."""
        self.stopped = True
        if self.process:
            self.process.kill()

    def _ask(self, task: str, given: tuple[Any, ...]) -> Any:
        if self.process is None:
            self._start()
        for _ in range(ATTEMPTS):
            try:
                self.pipe.send((task, given))
                answer = self.pipe.recv()
            except (EOFError, OSError):
                if self.stopped:
                    break
                self._start()
                continue
            if isinstance(answer, WorkbenchError):
                raise answer
            return answer
        raise WorkbenchError(
            f"the {self.name} process",
            f"ended {ATTEMPTS} times during one computation",
            "enough memory",
            "Close other programs, then edit the theory.",
        )

    def _start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipe, other = spawn.Pipe()
        given = other, self.tasks, _trusted()
        self.process = spawn.Process(target=serve_tasks, args=given, daemon=True)
        self.process.start()
        other.close()  # so that the end of the process is the end of the pipe


def _trusted() -> tuple[str, ...]:
    """The hosts of their own files that the user named. Without any, no module is imported."""
    named = sys.modules.get("workbench.hosts.named")
    return tuple(named.TRUSTED) if named else ()


def serve_tasks(pipe: Connection, tasks: str, trusted: tuple[str, ...]) -> None:
    """Run tasks of a pipe, functions of a module, until the pipe's other end is closed.

    It is when the studio has ended. `trusted` are hosts whose files may be run.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the studio's
    # before torch is loaded: threads of the two processes would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if trusted:
        from workbench.hosts.named import trust

        for name in trusted:
            trust(name)
    while True:
        try:
            task, given = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_done(tasks, task, given))


def _done(tasks: str, task: str, given: tuple[Any, ...]) -> Any:
    """The result of a task, or the WorkbenchError that says why there is none."""
    try:
        return getattr(import_module(tasks), task)(*given)
    except WorkbenchError as error:
        return error
    except Exception as error:  # a fault of the workbench must not end the process
        traceback.print_exc()  # the page shows one line
        return WorkbenchError(f"the studio's {task}", described(error))
