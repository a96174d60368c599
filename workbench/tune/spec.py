"""A spec in, a tuned spec out: the fitted numbers in place, everything else as it was, and at the end a ledger of what was fitted on what."""

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError, nearest
from workbench.evaluate.apart import PREFIX
from workbench.evaluate.journal import tuning_journal
from workbench.evaluate.run import scenes
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.hosts.store import load
from workbench.pictures import Picture, first_by_content
from workbench.spec import Spec, SpecError, TrainedCircuit, dumped, load_circuit, load_theory, numbers, theory_from_text, with_tuned
from workbench.spec.problems import key_text
from workbench.splice.calibrate import sample_cells
from workbench.splice.gain import gain_and_bias
from workbench.tune.tune import RATE, tune

LEDGER = re.compile(r"\n*^tuned:.*\Z", re.MULTILINE | re.DOTALL)
Stage = Callable[[str, int], Callable[..., None]]


def tuned_spec(
    spec_file: Path,
    circuit_file: Path,
    pictures: Sequence[Picture],
    output: Path,
    steps: int,
    most: int,
    seed: int,
    stage: Stage,
    hold: Sequence[str] = (),
    rate: float = RATE,
) -> tuple[float, float]:
    """Write the tuned spec to `output`; the mean Pearson correlation on the tuning pictures before and after.

    Fits on the `most` pictures that come first by content hash, the numbers of the families `hold` as they are. Raises WorkbenchError, before any
    work, if the spec marks nothing `tune`, lacks a family of `hold`, or has no place for the ledger.
    """
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    host, body = load(trained.host), LEDGER.sub("\n", spec.text)
    before = {key_text(path): number.tune for path, number in numbers(spec.theory) if number.tuned}
    _refuse_untunable(spec, body, before, hold)
    chosen = first_by_content(pictures, most)
    first = agreement(spec, trained, host, chosen, stage("before", len(chosen)))
    advance = stage("tune", steps)
    journal = tuning_journal([spec.sha256, trained.sha256, host.fingerprint, str(steps), str(seed), str(rate), *hold], chosen)
    tuning = tune(
        spec.theory,
        trained,
        host,
        chosen,
        steps,
        seed,
        rate,
        progress=lambda done, correlation: advance(done, f"batch {correlation:.2f}"),
        hold=hold,
        journal=journal,
    )
    text = with_tuned(body, tuning.values)
    written = {**before, **(spec.theory.tuned.written if spec.theory.tuned else {})}
    ledger = {
        "host": host.name,
        "circuit": trained.sha256,
        "spec": spec.sha256,
        "date": datetime.date.today().isoformat(),
        "steps": steps,
        "seed": seed,
        "rate": rate,
        "hold": list(hold),
        "pearson": [round(first, 4), round(first, 4)],
        "poses": {unit: pose.model_dump(exclude_none=True) for unit, pose in tuning.poses.items()},
        "written": written,
        "images": sorted({picture.sha256[:PREFIX] for picture in chosen} | set(spec.theory.tuned.images if spec.theory.tuned else ())),
    }
    last = agreement(theory_from_text(_with_ledger(text, ledger), spec_file), trained, host, chosen, stage("after", len(chosen)))
    write_whole(output, _with_ledger(text, {**ledger, "pearson": [round(first, 4), round(last, 4)]}))
    journal.clear()
    return first, last


def _with_ledger(text: str, ledger: Mapping[str, Any] | None) -> str:
    return f"{text.rstrip()}\n\n{dumped({'tuned': ledger})}\n"


def _refuse_untunable(spec: Spec, body: str, before: Mapping[str, float], hold: Sequence[str]) -> None:
    if not before:
        raise WorkbenchError(str(spec.path), "marks nothing to tune", "numbers written {tune: 5, min: 3, max: 8}")
    for family in hold:
        if family not in spec.theory.families:
            raise WorkbenchError(str(spec.path), f"no family {family!r} to hold", remedy=nearest(family, spec.theory.families))
    try:
        kept = theory_from_text(_with_ledger(body, None), spec.path).theory
    except SpecError:
        kept = None
    if kept is None or kept.model_dump(exclude={"tuned"}) != spec.theory.model_dump(exclude={"tuned"}):
        raise WorkbenchError(str(spec.path), "has no place for the ledger at its end", "keys line by line, not in braces, and `tuned` last")


def agreement(spec: Spec, trained: TrainedCircuit, host: Host, pictures: Sequence[Picture], progress: Callable[[int], None]) -> float:
    """Mean over units of the Pearson correlation, gain and bias calibrated, on the same sampled cells."""
    circuits = {"spliced": compile_spec(spec, trained, host)}
    sample, _ = sample_cells(scenes(host, circuits, pictures, progress=progress), np.random.default_rng(0))
    drive = sample.drives["spliced"]
    gain, bias = gain_and_bias(drive, sample.trained)
    value = (gain * drive + bias).clamp_min(0).double().numpy()
    pairs = zip(value.T, sample.trained.double().numpy().T, strict=True)
    return float(np.mean([np.corrcoef(a, b)[0, 1] if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0 for a, b in pairs]))
