"""A spec in, a tuned spec out: the fitted numbers in place, everything else as it was, and at the end a ledger of what was fitted on what."""

import datetime
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError, nearest
from workbench.evaluate.apart import PREFIX
from workbench.evaluate.journal import tuning_journal
from workbench.evaluate.run import scenes
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.hosts.named import cache_of
from workbench.hosts.store import load
from workbench.pictures import Picture, first_by_content
from workbench.spec import Spec, SpecError, TrainedCircuit, dumped, load_circuit, load_theory, numbers, theory_from_text, with_tuned
from workbench.spec.language import EarlierCircuit, TunedCircuit, TunedOn, UnitPose
from workbench.spec.problems import key_text
from workbench.splice.calibrate import sample_cells
from workbench.splice.gain import gain_and_bias
from workbench.tune.tune import RATE, tune

LEDGER = re.compile(r"\n*^tuned:.*\Z", re.MULTILINE | re.DOTALL)
Stage = Callable[[str, int], Callable[..., None]]


def tuned_spec(
    spec_file: Path,
    circuit_files: Sequence[Path],
    pictures: Sequence[Picture],
    output: Path,
    steps: int,
    most: int,
    seed: int,
    stage: Stage,
    hold: Sequence[str] = (),
    rate: float = RATE,
    move: bool = True,
    cache: Cache | None = None,
) -> list[tuple[float, float]]:
    """Write the tuned spec to `output`; for each circuit the mean Pearson correlation on the tuning pictures before and after.

    Fits on the `most` pictures that come first by content hash, the numbers of the families `hold` as they are, and poses too unless `move`. With a
    `cache`, what was said before and after on a batch is not computed again. Raises
    WorkbenchError, before any work, if the spec marks nothing `tune`, lacks a family of `hold`, or has no place for the ledger, or if a circuit is
    there twice.
    """
    spec, trained = load_theory(spec_file), [load_circuit(file) for file in circuit_files]
    circuits, body = [(each, load(each.host)) for each in trained], LEDGER.sub("\n", spec.text)
    before = {key_text(path): number.tune for path, number in numbers(spec.theory) if number.tuned}
    _refuse_untunable(spec, body, before, hold)
    _refuse_twice(circuit_files, trained)
    chosen = first_by_content(pictures, most)
    advance = stage("before", len(chosen) * len(circuits))
    first = [agreement(spec, *each, chosen, advance, cache) for each in circuits]
    advance = stage("tune", steps)
    known = [word for each, host in circuits for word in (each.sha256, host.facts)]
    journal = tuning_journal([spec.sha256, *known, str(steps), str(seed), str(rate), str(move), *hold], chosen)
    tuning = tune(
        spec.theory,
        circuits,
        chosen,
        steps,
        seed,
        rate,
        progress=lambda done, correlation: advance(done, f"batch {correlation:.2f}"),
        hold=hold,
        journal=journal,
        move=move,
    )
    text = with_tuned(body, tuning.values)
    ledger = _ledger(spec, trained, before, chosen, {"steps": steps, "seed": seed, "rate": rate, "hold": list(hold)})
    found = {"circuits": list(_fitted(trained, tuning.poses, first, first)), **ledger}
    tuned, advance = theory_from_text(_with_ledger(text, found), spec_file), stage("after", len(chosen) * len(circuits))
    last = [agreement(tuned, *each, chosen, advance, cache) for each in circuits]
    write_whole(output, _with_ledger(text, {**found, "circuits": list(_fitted(trained, tuning.poses, first, last))}))
    journal.clear()
    return list(zip(first, last, strict=True))


def _refuse_twice(files: Sequence[Path], trained: Sequence[TrainedCircuit]) -> None:
    """One circuit given twice would count double."""
    first: dict[str, Path] = {}
    for file, circuit in zip(files, trained, strict=True):
        if circuit.sha256 in first:
            raise WorkbenchError(str(file), f"the same circuit as {first[circuit.sha256]}", "each circuit once")
        first[circuit.sha256] = file


def _ledger(
    spec: Spec, trained: Sequence[TrainedCircuit], before: Mapping[str, float], pictures: Sequence[Picture], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """What the ledger says besides the circuits' own rows; what an earlier ledger of the spec says of values and pictures is kept."""
    earlier = spec.theory.tuned
    return {
        "earlier": _earlier(earlier, trained),
        "spec": spec.sha256,
        "date": datetime.date.today().isoformat(),
        **settings,
        "written": {**before, **(earlier.written if earlier else {})},
        "images": sorted({picture.sha256[:PREFIX] for picture in pictures} | set(earlier.images if earlier else ())),
    }


def _fitted(
    trained: Sequence[TrainedCircuit], poses: Sequence[Mapping[str, UnitPose]], first: Sequence[float], last: Sequence[float]
) -> Iterator[dict[str, Any]]:
    """The ledger's row of each circuit."""
    for circuit, moved, before, after in zip(trained, poses, first, last, strict=True):
        plain = {unit: pose.model_dump(exclude_none=True) for unit, pose in moved.items()}
        yield {"host": circuit.host, "circuit": circuit.sha256, "pearson": [round(before, 4), round(after, 4)], "poses": plain}


def _earlier(before: TunedOn | None, trained: Sequence[TrainedCircuit]) -> list[dict[str, str]]:
    """The circuits of earlier ledgers that this run is not on: the values began from what was fitted to them."""
    now = {circuit.sha256 for circuit in trained}
    rows: list[EarlierCircuit | TunedCircuit] = [*before.earlier, *before.circuits] if before else []
    return [{"host": row.host, "circuit": row.circuit} for row in rows if row.circuit not in now]


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


def agreement(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    pictures: Sequence[Picture],
    progress: Callable[[int], None],
    cache: Cache | None = None,
) -> float:
    """Mean over units of the Pearson correlation, gain and bias calibrated, on the same sampled cells."""
    circuits = {"spliced": compile_spec(spec, trained, host)}
    seen = scenes(host, circuits, pictures, progress=progress, cache=cache_of(host.name, cache))
    sample, _ = sample_cells(seen, np.random.default_rng(0))
    drive = sample.drives["spliced"]
    gain, bias = gain_and_bias(drive, sample.trained)
    value = (gain * drive + bias).clamp_min(0).double().numpy()
    pairs = zip(value.T, sample.trained.double().numpy().T, strict=True)
    return float(np.mean([np.corrcoef(a, b)[0, 1] if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0 for a, b in pairs]))
