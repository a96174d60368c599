"""A run that is interrupted in the middle of a stage and started again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from workbench.cache import GIB, Cache
from workbench.progress import Counter, Progress, Stage

Run = Callable[[Path, Cache, Stage], object]  # writes the folder `out` of a folder that exists


def counted(patch: pytest.MonkeyPatch, module: object, *names: str) -> list[str]:
    """Record the calls of functions of a module, by name, from now on."""
    calls = list[str]()

    def noted(name: str) -> Callable:
        function = getattr(module, name)
        return lambda *words, **more: (calls.append(name), function(*words, **more))[1]

    for name in names:
        patch.setattr(module, name, noted(name))
    return calls


def stopped_at(stage_name: str, step: int) -> Stage:
    """Progress that interrupts the run at so many calls of a stage's `advance`."""

    def stage(name: str, total: int):
        calls = list[int]()

        def advance(steps: int, *note: str) -> None:
            calls.append(steps)
            if name == stage_name and len(calls) == step:
                raise KeyboardInterrupt

        return advance

    return stage


def quiet(name: str, total: int):
    return lambda steps, *note: None


def counter_of(stage: Stage) -> Counter:
    """A counter that advances a stage by one step at each call."""
    advances: dict[str, Progress] = {}

    def counter(name: str, done: int, total: int) -> None:
        if name not in advances:
            advances[name] = stage(name, total)
        advances[name](1)

    return counter


def goes_on(
    run: Run,
    folder: Path,
    stage_name: str,
    step: int,
    calls: list[str],
    leaves_nothing: bool = True,
) -> None:
    """Assert that a run that is interrupted continues.

    Started again, it writes the same bytes as an uninterrupted run, and makes fewer of `calls`. If
    it `leaves_nothing`, the interrupted run has left no folder `out`.
    """
    whole, again = folder / "whole", folder / "again"
    for parent in (whole, again):
        parent.mkdir()
    run(whole, Cache(folder / "kept-whole", GIB), quiet)
    once = len(calls)
    cache = Cache(folder / "kept-again", GIB)
    with pytest.raises(KeyboardInterrupt):
        run(again, cache, stopped_at(stage_name, step))
    assert not (leaves_nothing and (again / "out").exists())
    before = len(calls)
    run(again, cache, quiet)
    assert once < before
    assert len(calls) - before < once
    assert written(again / "out") == written(whole / "out")


def written(folder: Path) -> dict[str, bytes]:
    """The content of every file in a folder, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
