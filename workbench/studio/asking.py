"""The answer to the newest question, by a process that works on one at a time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from workbench.errors import WorkbenchError
from workbench.studio.answers import Asked
from workbench.studio.worker import Worker


class Answer:
    """The result of a worker for the newest theory that it could compute, one at a time.

    value    the last result, None before the first
    of       the text that `value` is of
    wanted   what is to be computed now
    problem  why there is no result for `wanted`
    took_s   wall-clock time from the wish to the result
    """

    def __init__(self, task: str, worker: Worker, notify: Callable[[], None]):
        self.task, self.worker, self.notify = task, worker, notify
        self.value: Any = None
        self.of: str | None = None
        self.wanted: Asked | None = None
        self.problem, self.took_s = "", 0.0
        self.running: asyncio.Task[None] | None = None

    def want(self, asked: Asked) -> None:
        """Compute this when what is computed now is done; it replaces a request that waits."""
        if asked != self.wanted:
            self.wanted = asked
            if self.running is None or self.running.done():
                self.running = asyncio.create_task(self._compute())

    def stale(self, text: str) -> bool:
        """Whether the value is of another text, or there is none."""
        return self.of != text

    async def _compute(self) -> None:
        asked = None
        while self.wanted and asked != self.wanted:
            asked, began = self.wanted, time.monotonic()
            try:
                self.value = await self.worker.run(self.task, asked)
                self.of, self.problem = asked.text, ""
            except WorkbenchError as error:
                self.problem = str(error)
            self.took_s = time.monotonic() - began
            self.notify()
