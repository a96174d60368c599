"""What the benchmark measures, in the order in which it runs.

All ways must give the same figures before any of them is timed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from tests.bench import conditions, parts
from tests.bench.clock import interleaved, machine
from tests.bench.libraries import hooks, installed
from tests.bench.results import LARGE
from tests.bench.steps import Steps
from workbench.errors import WorkbenchError
from workbench.evaluate.batches import BATCH

ROOT = Path(__file__).parents[2]
SAME = 1e-3  # of a KL: float32, other layers


@dataclass(frozen=True)
class Timing:
    """How often and by which clock all is timed, and the pictures of each memory run."""

    rounds: int
    clock: str
    memory: Sequence[int]


def measured(whole: conditions.Ready, timing: Timing) -> dict:
    """The figures of the benchmark, by name; raises WorkbenchError if two ways give other KLs."""
    part_rounds = 2 * timing.rounds + 1
    steps = Steps(
        {"ways": 2 * (1 + timing.rounds), "parts": 1 + part_rounds}
        | {f"memory {count}": 1 for count in timing.memory}
    )
    report = {
        "machine": machine(),
        "host": whole.host.name,
        "pictures": len(whole.pictures),
        "batch": BATCH,
        "rounds": timing.rounds,
        "clock": timing.clock,
        "left_out": _left_out(timing),
    }
    with TemporaryDirectory() as kept:
        ways, shares = {}, {}
        for command, this in _commands(whole).items():
            with steps.step("ways", f"{command}: all ways must give the same KL"):
                ways[command], shares[command] = _checked(this, Path(kept, command))
        timed = _parts(whole)
        with steps.step("parts", "parts of the engine, once"):
            for task in timed.values():
                task()
        peaks = {}
        for count in timing.memory:
            with steps.step(f"memory {count}", f"memory, {count} drawn pictures"):
                peaks[str(count)] = parts.peak_mib(whole.host.name, count)
        rounds = partial(interleaved, clock=timing.clock, step=steps.step)
        seven = {
            command: rounds(tasks, timing.rounds, kind="ways", what=command)
            for command, tasks in ways.items()
        }
        alone = rounds(timed, part_rounds, kind="parts", what="parts of the engine")
    return report | {
        "seven_conditions_s": seven,
        "bfloat16_kl_over_float32": shares,
        "parts_s": alone,
        "peak_mib": peaks,
    }


def _left_out(timing: Timing) -> dict[str, str]:
    heavy = f"memory of {LARGE} drawn pictures"
    on_request = {heavy: f"only on request (--memory {LARGE})"}
    return installed()[1] | ({} if max(timing.memory, default=0) >= LARGE else on_request)


def _commands(whole: conditions.Ready) -> dict[str, conditions.Ready]:
    """The seven conditions of `score`, and those of `score --quick`."""
    splices = conditions.calibrated(
        whole.host, whole.splices.circuits["spliced"], whole.calibration, conditions.QUICK
    )
    return {"score": whole, "score --quick": replace(whole, splices=splices)}


def _parts(whole: conditions.Ready) -> dict[str, Callable]:
    return (
        parts.forward_parts(whole)
        | parts.compiling(whole.host, ROOT)
        | parts.resampling()
        | parts.start_up()
    )


def _checked(this: conditions.Ready, kept: Path) -> tuple[dict[str, Callable], dict[str, float]]:
    """Each way to run the seven conditions, run once; and each mean KL in bfloat16 / float32."""
    timed, after = conditions.tasks(this, ROOT, kept)
    as_it_is = {name: task() for name, task in timed.items()}
    refuse_different(as_it_is)
    for name, task in after.items():
        _refuse_different_after(name, task, as_it_is["hooks"])
    low = conditions.in_bfloat16(this, ROOT, kept)
    coarse = {name: task() for name, task in low.items()}["engine cold, bfloat16"]
    fine = as_it_is["engine cold"]
    return timed | after | low, {
        name: float(np.mean(kl) / np.mean(fine[name]))
        for name, kl in coarse.items()
        if name != "natural"
    }


def refuse_different(figures: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Raise WorkbenchError if two ways give other KLs: their times could not be compared.

    figures  way: condition: the KL of each picture
    """
    first, before = next(iter(figures.items()))
    for way, kls in figures.items():
        for name, kl in kls.items():
            if not np.allclose(kl, before[name], rtol=SAME, atol=SAME):
                difference = np.abs(np.subtract(kl, before[name])).max()
                raise WorkbenchError(
                    f"{way}, {name}",
                    f"the KL of one item differs by {difference:.2g}",
                    f"that of {first}",
                    "Times of different figures are not compared: please report it.",
                )


def _refuse_different_after(
    name: str, task: conditions.Edited, before: dict[str, list[float]]
) -> None:
    """As `refuse_different`, with hooks on the circuit that the engine ran.

    The edit must also change the figures.
    """
    getattr(task, "prepare", lambda: None)()
    edited = task()
    refuse_different(
        {"hooks": conditions.wrapped(task.now, task.now.network, hooks)(), name: edited}
    )
    if np.allclose(edited["spliced"], before["spliced"], rtol=SAME, atol=SAME**2):
        raise WorkbenchError(
            name, "the edit of the spec changes no KL", remedy="Take more pictures: --count."
        )
