"""`make bench`: every figure of docs/engine.md, for the seven conditions of two commands. Prints them and writes them as JSON.

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
from workbench.evaluate.run import BATCH
from workbench.hosts.store import load
from workbench.pictures import first_by_content, folder

ROOT = Path(__file__).parents[2]
CALIBRATION = 16  # pictures: the conditions need some gain and bias, no good one
SAME = 1e-3  # of a KL: float32, other layers


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--images", type=Path, default=ROOT.parent / "shared" / "images" / "nips2017")
    told.add_argument("--count", type=int, default=32, help="pictures of the seven conditions")
    told.add_argument("--rounds", type=int, default=3)
    told.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: of use with one thread on a machine that others use")
    told.add_argument("--threads", type=int, default=torch.get_num_threads())
    told.add_argument(
        "--memory", type=int, nargs="*", default=[500, 5000], help="drawn pictures to score for the peak memory; none to leave it out"
    )
    told.add_argument("-o", "--output", type=Path, default=Path("bench.json"))
    options = told.parse_args()
    torch.set_num_threads(options.threads)
    pictures = first_by_content(folder(options.images), options.count + CALIBRATION)
    host = load("inceptionv1")
    whole = conditions.ready(host, ROOT, pictures[: options.count], pictures[options.count :])
    report = measured(whole, options)
    report["ratios"] = ratios(report)
    options.output.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def measured(whole: conditions.Ready, options: argparse.Namespace) -> dict:
    splices = conditions.calibrated(whole.host, whole.splices.circuits["spliced"], whole.calibration, conditions.QUICK)
    seven = {name: _seven(this, options) for name, this in {"score": whole, "score --quick": replace(whole, splices=splices)}.items()}
    own = parts.forward_parts(whole) | parts.compiling(whole.host, ROOT) | parts.resampling() | parts.start_up()
    for task in own.values():
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
        "parts_s": interleaved(own, 2 * options.rounds + 1, options.clock),
        "peak_mib": parts.peak_mib(options.memory),
    }


def _seven(this: conditions.Ready, options: argparse.Namespace) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of each way to run the seven conditions, and each condition's mean KL in bfloat16 over that in float32."""
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
    return seconds, {name: float(np.mean(kl) / np.mean(fine[name])) for name, kl in coarse.items() if name != "natural"}


def ratios(report: dict) -> dict[str, float]:
    """What the targets are about; each over the same seven conditions on the same pictures."""
    own, found = report["parts_s"], {}
    batches = -(-report["pictures"] // report["batch"])
    once = own["decoding"] + own["prefix"] + own["push"] + own["circuit"]
    alone = batches * (once + 7 * own["suffix"])
    for command, seven in report["seven_conditions_s"].items():
        others = min(seconds for name, seconds in seven.items() if name in ("hooks", "nnsight", "pyvene"))
        for name, seconds in seven.items():
            if name.startswith("engine"):
                found[f"{command}: best of the others over {name}"] = others / seconds
                found[f"{command}: hooks on our own layers over {name}"] = seven["hooks, own layers"] / seconds
        found[f"{command}: engine cold over the sum of its parts"] = seven["engine cold"] / alone
    for part in ("prefix, torch's layers", "prefix, convolutions", "circuit"):
        found[f"{part} over prefix"] = own[part] / own["prefix"]
    return found


def _refuse_different(found: dict[str, dict[str, list[float]]]) -> None:
    """Every way must give the same figures, or its time says nothing."""
    first = next(iter(found.values()))
    for way, kls in found.items():
        for name, kl in kls.items():
            if not np.allclose(kl, first[name], rtol=SAME, atol=SAME):
                raise SystemExit(f"{way}: {name} has another KL, by {np.abs(np.subtract(kl, first[name])).max():.2g}")


def _refuse_different_after(name: str, task: conditions.Edited, before: dict[str, list[float]]) -> None:
    """As `_refuse_different`, by hooks on the very circuit that the engine ran; and the edit must show."""
    getattr(task, "prepare", lambda: None)()
    found = task()
    _refuse_different({"hooks": conditions.wrapped(task.now, task.now.network, hooks)(), name: found})
    if np.allclose(found["spliced"], before["spliced"], rtol=SAME, atol=SAME**2):
        raise SystemExit(f"{name}: the edit changes no KL")


if __name__ == "__main__":
    main()
