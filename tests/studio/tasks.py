"""Computations that need nothing, for the tests of the process that runs them."""

import os
import sys

from workbench.errors import WorkbenchError


def words(text: str) -> list[str]:
    return text.split()


def one_word(text: str) -> str:
    if len(words(text)) != 1:
        raise WorkbenchError("here", text, "one word")
    return text


def trusted() -> list[str]:
    modules = sys.modules.get("workbench.hosts.named")
    return sorted(modules.TRUSTED) if modules else []


def end() -> None:
    os._exit(1)
