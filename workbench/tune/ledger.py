"""The ledger of a tuned spec: what was fitted, on which circuits and pictures."""

import datetime
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workbench.evaluate.apart import PREFIX
from workbench.files import write_whole
from workbench.spec import Spec, TrainedCircuit, dumped
from workbench.spec.language import EarlierCircuit, TunedCircuit, TunedOn, UnitPose
from workbench.tune.settings import TuneSettings
from workbench.vision.pictures import Picture

DIGITS = 8  # of its hash, in a ledger's name
# the key `tuned` with all that is indented below it: a ledger, or the name of one
TUNED = re.compile(r"\n*^tuned:.*\n?(?:[ \t].*\n?|\r?\n)*", re.MULTILINE)
HEAD = """\
# The circuits and pictures that a theory's numbers were fitted to.
# The spec beside this file names it, with its SHA-256.
"""


def without_ledger(text: str) -> str:
    """The text of a spec without its ledger, or the name of one."""
    return TUNED.sub("\n", text)


def with_ledger(text: str, ledger: Mapping[str, Any] | None) -> str:
    """The text of a spec, which has no ledger, with this one written in it, as no file names it."""
    return f"{text.rstrip()}\n\n{dumped({'tuned': ledger})}\n"


def write_both(output: Path, text: str, theory: str, ledger: Mapping[str, Any]) -> Path:
    """Write a tuned spec's ledger beside `output`, then the spec; return the ledger's path.

    `text` is the spec without its ledger, `theory` its name.

    If the process is killed at any moment, a spec at `output` has its ledger beside it. The name of
    a ledger has digits of its own hash, so that a new one does not replace that of an earlier spec
    at `output`; and the new spec, which takes the place of the earlier one in one step, is written
    when its ledger is whole. A kill between the two leaves a ledger that no spec names. Earlier
    ledgers stay: copies of the earlier spec may name them.

    Raises WorkbenchError if a file cannot be written.
    """
    content = f"{HEAD}{dumped({'ledger': theory, **ledger})}\n"
    digest = hashlib.sha256(content.encode()).hexdigest()
    file = beside(output, f".tuned-{digest[:DIGITS]}.yaml")
    write_whole(file, content)
    named = dumped({"ledger": file.name, "sha256": digest}, flow=True)
    write_whole(output, f"{text.rstrip()}\n\ntuned: {named}\n")
    return file


def beside(output: Path, ending: str) -> Path:
    """A file beside a spec, of its name with another ending."""
    # a link stays, and the file that it leads to is replaced
    target = Path(os.path.realpath(output)) if output.is_symlink() else output
    stem = target.stem.encode(errors="ignore").decode()  # YAML holds no other names
    return target.with_name(stem + ending)


def ledger_facts(
    spec: Spec,
    trained: Sequence[TrainedCircuit],
    before: Mapping[str, float],
    pictures: Sequence[Picture],
    settings: TuneSettings,
) -> dict[str, Any]:
    """The ledger without the circuits' own rows.

    `before` maps keys to values before tuning. Values and pictures of an earlier ledger of the spec
    are kept.
    """
    earlier = spec.theory.tuned
    return {
        "earlier": _earlier(earlier, trained),
        "spec": spec.sha256,
        "date": datetime.date.today().isoformat(),
        "steps": settings.steps,
        "seed": settings.seed,
        "rate": settings.rate,
        "hold": list(settings.hold),
        **_weights(settings),
        "written": {**before, **(earlier.written if earlier else {})},
        "images": sorted(
            {picture.sha256[:PREFIX] for picture in pictures}
            | set(earlier.images if earlier else ())
        ),
    }


def _weights(settings: TuneSettings) -> dict[str, Any]:
    """The facts of a fit to weights, if it was one."""
    if not settings.bound:
        return {}
    bound = {family: units.sha256 for family, units in settings.bound.items()}
    return {"bound": bound, "weights": settings.weights}


def circuit_rows(
    trained: Sequence[TrainedCircuit],
    poses: Sequence[Mapping[str, UnitPose]],
    before: Sequence[float],
    after: Sequence[float],
) -> list[dict[str, Any]]:
    """The ledger's row of each circuit; `before` and `after` are mean correlations of its units."""
    return [
        {
            "host": circuit.host,
            "circuit": circuit.sha256,
            "pearson": [round(first, 4), round(last, 4)],
            "poses": {unit: pose.model_dump(exclude_none=True) for unit, pose in moved.items()},
        }
        for circuit, moved, first, last in zip(trained, poses, before, after, strict=True)
    ]


def _earlier(ledger: TunedOn | None, trained: Sequence[TrainedCircuit]) -> list[dict[str, str]]:
    """The circuits of earlier tunings that this run is not on.

    Its values began from those that were fitted to them.
    """
    now = {circuit.sha256 for circuit in trained}
    rows: list[EarlierCircuit | TunedCircuit] = (
        [*ledger.earlier, *ledger.circuits] if ledger else []
    )
    return [{"host": row.host, "circuit": row.circuit} for row in rows if row.circuit not in now]
