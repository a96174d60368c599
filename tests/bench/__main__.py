"""`make bench`: every figure of docs/engine.md, for the seven conditions of two commands.

Prints them and writes them as JSON.

python -m tests.bench --images DIR -o bench.json
"""

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tests.bench import conditions, parts
from tests.bench.clock import CLOCKS, interleaved, machine
from tests.bench.libraries import hooks, installed
from workbench.evaluate.batches import BATCH
from workbench.hosts.store import load
from workbench.vision.pictures import first_by_content, folder

ROOT = Path(__file__).parents[2]
CALIBRATION = 16  # pictures: the conditions need some gain and bias, no good one
SAME = 1e-3  # of a KL: float32, other layers


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=Path, default=ROOT.parent / "shared" / "images" / "nips2017"
    )
    parser.add_argument("--count", type=int, default=32, help="pictures of the seven conditions")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--clock",
        choices=CLOCKS,
        default="wall",
        help="cpu: of use with one thread on a machine that others use",
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--memory",
        type=int,
        nargs="*",
        default=[500, 5000],
        help="drawn pictures to score for the peak memory; none to leave it out",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures = first_by_content(folder(options.images), options.count + CALIBRATION)
    host = load("inceptionv1")
    whole = conditions.ready(host, ROOT, pictures[: options.count], pictures[options.count :])
    report = measured(whole, options)
    report["ratios"] = ratios(report)
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def measured(whole: conditions.Ready, options: argparse.Namespace) -> dict:
    splices = conditions.calibrated(
        whole.host, whole.splices.circuits["spliced"], whole.calibration, conditions.QUICK
    )
    seven = {
        name: _seven(this, options)
        for name, this in {"score": whole, "score --quick": replace(whole, splices=splices)}.items()
    }
    timed = (
        parts.forward_parts(whole)
        | parts.compiling(whole.host, ROOT)
        | parts.resampling()
        | parts.start_up()
    )
    for task in timed.values():
        task()
    return {
        "machine": machine(),
        "pictures": options.count,
        "batch": BATCH,
        "rounds": options.rounds,
        "clock": options.clock,
        "left_out": installed()[1],
        "seven_conditions_s": {name: seconds for name, (seconds, _) in seven.items()},
        "bfloat16_kl_over_float32": {name: shares for name, (_, shares) in seven.items()},
        "parts_s": interleaved(timed, 2 * options.rounds + 1, options.clock),
        "peak_mib": parts.peak_mib(options.memory),
    }


def _seven(
    this: conditions.Ready, options: argparse.Namespace
) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of each way to run the seven conditions, and each mean KL in bfloat16 / float32."""
    with tempfile.TemporaryDirectory() as kept:
        timed, after = conditions.tasks(this, ROOT, Path(kept))
        as_it_is = {name: task() for name, task in timed.items()}
        _refuse_different(as_it_is)
        for name, task in after.items():
            _refuse_different_after(name, task, as_it_is["hooks"])
        low = conditions.in_bfloat16(this, ROOT, Path(kept))
        coarse = {name: task() for name, task in low.items()}["engine cold, bfloat16"]
        seconds = interleaved(timed | after | low, options.rounds, options.clock)
    fine = as_it_is["engine cold"]
    return seconds, {
        name: float(np.mean(kl) / np.mean(fine[name]))
        for name, kl in coarse.items()
        if name != "natural"
    }


def ratios(report: dict) -> dict[str, float]:
    """The ratios that have targets; each is of the same seven conditions on the same pictures."""
    seconds_of, ratios_of = report["parts_s"], {}
    batches = -(-report["pictures"] // report["batch"])
    once = (
        seconds_of["decoding"] + seconds_of["prefix"] + seconds_of["push"] + seconds_of["circuit"]
    )
    alone = batches * (once + 7 * seconds_of["suffix"])
    for command, seven in report["seven_conditions_s"].items():
        others = min(
            seconds for name, seconds in seven.items() if name in ("hooks", "nnsight", "pyvene")
        )
        for name, seconds in seven.items():
            if name.startswith("engine"):
                ratios_of[f"{command}: best of the others over {name}"] = others / seconds
                ratios_of[f"{command}: hooks on our own layers over {name}"] = (
                    seven["hooks, own layers"] / seconds
                )
        ratios_of[f"{command}: engine cold over the sum of its parts"] = (
            seven["engine cold"] / alone
        )
    for part in ("prefix, torch's layers", "prefix, convolutions", "circuit"):
        ratios_of[f"{part} over prefix"] = seconds_of[part] / seconds_of["prefix"]
    return ratios_of


def _refuse_different(figures: dict[str, dict[str, list[float]]]) -> None:
    """Refuse ways that give different figures: their times could not be compared."""
    first = next(iter(figures.values()))
    for way, kls in figures.items():
        for name, kl in kls.items():
            if not np.allclose(kl, first[name], rtol=SAME, atol=SAME):
                difference = np.abs(np.subtract(kl, first[name])).max()
                raise SystemExit(f"{way}: {name} has another KL, by {difference:.2g}")


def _refuse_different_after(
    name: str, task: conditions.Edited, before: dict[str, list[float]]
) -> None:
    """As `_refuse_different`, with hooks on the circuit that the engine ran.

    The edit must also change the figures.
    """
    getattr(task, "prepare", lambda: None)()
    edited = task()
    _refuse_different(
        {"hooks": conditions.wrapped(task.now, task.now.network, hooks)(), name: edited}
    )
    if np.allclose(edited["spliced"], before["spliced"], rtol=SAME, atol=SAME**2):
        raise SystemExit(f"{name}: the edit changes no KL")


if __name__ == "__main__":
    main()
