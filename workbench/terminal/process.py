"""How the process of a command ends: by a signal, or because its output cannot be written."""

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from workbench.errors import WorkbenchError


class EndedError(KeyboardInterrupt):
    """A signal that ends a run as an interrupt from the keyboard does."""

    def __init__(self, number: int):
        super().__init__(number)
        self.exit_code = 128 + number


def _end(number: int, frame: FrameType | None) -> None:
    raise EndedError(number)


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Raise EndedError in the main thread at SIGTERM and SIGHUP while the block runs.

    A signal that is ignored, as SIGHUP is under `nohup`, stays ignored.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class OutputError(OSError):
    """Standard output or standard error, of that descriptor, cannot be written."""

    def __init__(self, error: OSError, descriptor: int):
        super().__init__(error.errno, error.strerror)
        self.descriptor = descriptor


class _Stream(io.FileIO):
    """A standard stream whose errors can be distinguished from those of files."""

    def write(self, data: Any) -> int:
        """Write as FileIO. Raises OutputError, and BrokenPipeError if a pipe's reader has gone."""
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error, self.fileno()) from error


@contextmanager
def output_checked() -> Iterator[None]:
    """Raise WorkbenchError where standard output is closed or full while the block runs.

    Characters that the terminal's encoding lacks are written as escapes. A pipe whose reader has
    gone stays a BrokenPipeError.
    """
    if sys.stdout is None:
        raise WorkbenchError("standard output", "is closed", remedy="Send it to a file.")
    before, are_real = (sys.stdout, sys.stderr), sys.stdout is sys.__stdout__
    if are_real:  # not those of a test
        sys.stdout, sys.stderr = _checked(sys.stdout), sys.stderr and _checked(sys.stderr)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OutputError as error:
        # output that is still buffered must not fail again at the end of the process
        os.dup2(os.open(os.devnull, os.O_WRONLY), error.descriptor)
        raise WorkbenchError(
            "standard output",
            f"cannot be written ({error.strerror})",
            remedy="Files that the command wrote are whole.",
        ) from error
    finally:
        sys.stdout, sys.stderr = before


def _checked(stream: TextIO) -> TextIO:
    """The same stream as one of `_Stream`."""
    stream.flush()
    raw = _Stream(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, "backslashreplace", line_buffering=stream.isatty()
    )
