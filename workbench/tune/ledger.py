"""The ledger at the end of a tuned spec: what was fitted, on which circuits and pictures."""

import datetime
import re
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.evaluate.apart import PREFIX
from workbench.spec import Spec, TrainedCircuit, dumped
from workbench.spec.language import EarlierCircuit, TunedCircuit, TunedOn, UnitPose
from workbench.tune.settings import TuneSettings
from workbench.vision.pictures import Picture

LEDGER = re.compile(r"\n*^tuned:.*\Z", re.MULTILINE | re.DOTALL)


def without_ledger(text: str) -> str:
    """The text of a spec without the ledger at its end."""
    return LEDGER.sub("\n", text)


def with_ledger(text: str, ledger: Mapping[str, Any] | None) -> str:
    """The text of a spec, which has no ledger, with this one at its end."""
    return f"{text.rstrip()}\n\n{dumped({'tuned': ledger})}\n"


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
        "written": {**before, **(earlier.written if earlier else {})},
        "images": sorted(
            {picture.sha256[:PREFIX] for picture in pictures}
            | set(earlier.images if earlier else ())
        ),
    }


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
