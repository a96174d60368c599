"""Universality: one family in many hosts, and how far theories of it hold for hosts that they were not fitted to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

import workbench
from workbench.arrays.devices import computed_on
from workbench.hosts.host import Host
from workbench.pictures import Picture
from workbench.score.facts import as_json, picture_facts
from workbench.score.scorecard import Scorecard, is_control
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 1
AS_WRITTEN = "as written"  # the first theory, as its numbers were before tuning
SCORES = ("pearson", "recovered_kl")  # figures of the transfer matrix, each {value, ci95}

Scores = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class HostRow:
    """One host: where the family lives in it, what its units are like, and what each theory and control makes of them.

    depth         the site's place among the host's `sites`, counted from 1
    field_px      pixels along one side of what a cell sees; None where that cannot be measured
    units, of     the family's units, and all units of the site
    poses_deg, radii_px   of each unit, as surveyed
    figures       of tuning, means over units: width_deg, echo and largest_gap_deg of the trained units, and of those that the first theory writes
    theories      theory -> Scores, and AS_WRITTEN -> Scores
    controls      control -> Scores
    said          of a host without scores, which has 0 units: what the survey said, or why no theory can be compiled for it
    passed        of a host without scores: how many units passed the survey's thresholds
    """

    host: str
    fingerprint: str
    has_output: bool
    sites: int
    known_by: str
    site: str | None = None
    depth: int | None = None
    stride_px: int | None = None
    field_px: int | None = None
    units: int = 0
    of: int | None = None
    circuit: str | None = None
    poses_deg: Sequence[float] = ()
    radii_px: Sequence[float] = ()
    figures: Mapping[str, float | None] = field(default_factory=dict)
    theories: Mapping[str, Scores] = field(default_factory=dict)
    controls: Mapping[str, Scores] = field(default_factory=dict)
    said: str = ""
    passed: int = 0

    @property
    def radius_px(self) -> float | None:
        """The middle one of the units' preferred radii."""
        return float(np.median(self.radii_px)) if self.radii_px else None

    @property
    def best_control(self) -> str | None:
        """The control that recovers most; without an output, that correlates best."""
        figure = "recovered_kl" if self.has_output else "pearson"
        known = {name: value for name, scores in self.controls.items() if (value := scores[figure]["value"]) is not None}
        return max(known, key=lambda name: known[name], default=None)


@dataclass(frozen=True)
class Universality:
    """Rows in the order in which hosts were given. `theories`: theory -> the hosts that it was tuned on, none for one that never was; the
    first is the one that the rows' tuning figures are of. `computed` is as of `computed_on`."""

    workbench: str
    family: str
    theories: Mapping[str, tuple[str, ...]]
    images: Mapping[str, object]
    calibration: Mapping[str, object]
    seed: int
    computed: Mapping[str, str]
    rows: tuple[HostRow, ...]

    @property
    def matrix_rows(self) -> dict[str, tuple[str, ...]]:
        """The transfer matrix's rows: theories by name, with the hosts that each was tuned on; first the one as written, tuned on none."""
        return {AS_WRITTEN: (), **self.theories} if any(AS_WRITTEN in row.theories for row in self.rows) else dict(self.theories)

    def tuned_here(self, row: HostRow) -> str | None:
        """The theory that was tuned on this host: the one with fewest others beside it. None where there is none."""
        here = [name for name, hosts in self.theories.items() if row.host in hosts]
        return min(here, key=lambda name: len(self.theories[name]), default=None)

    def kept(self, row: HostRow, theory: str, figure: str) -> float | None:
        """What a theory that was tuned elsewhere keeps, on this host, of the figure of `tuned_here`; None where there is none."""
        values = [row.theories.get(name, {}).get(figure, {}).get("value") for name in (theory, self.tuned_here(row)) if name]
        return values[0] / values[1] if len(values) == 2 and None not in values and values[1] else None


def found_row(host: Host, known_by: str, trained: TrainedCircuit, field_px: int | None, specs: Sequence[Spec], card: Scorecard) -> HostRow:
    """The row of a host in which the family was found; `card` is of the first of `specs`, with the others beside it."""
    site = host.site(trained.site)
    condition = {specs[0].theory.theory: "spliced"} | {spec.theory.theory: f"beside.{spec.theory.theory}" for spec in specs[1:]}
    condition |= {AS_WRITTEN: "as_written"} if "as_written" in card.conditions else {}
    return HostRow(
        host=host.name,
        fingerprint=host.fingerprint,
        has_output=host.has_output,
        sites=len(host.sites),
        known_by=known_by,
        site=site.name,
        depth=1 + list(host.sites).index(site.name),
        stride_px=site.stride_px,
        field_px=field_px,
        units=len(trained.units),
        of=site.channels,
        circuit=trained.sha256,
        poses_deg=[unit.centre_deg for unit in trained.units],
        radii_px=[unit.radius_px for unit in trained.units if unit.radius_px is not None],
        figures={
            f"{side}.{name}": card.tuning.get(f"{side}.{name}")
            for side in ("trained", "handwritten")
            for name in ("width_deg", "echo", "largest_gap_deg")
        },
        theories={theory: _scores(card, name) for theory, name in condition.items()},
        controls={name.removeprefix("control."): _scores(card, name) for name in card.conditions if is_control(name)},
    )


def _scores(card: Scorecard, condition: str) -> Scores:
    row, figures = card.conditions[condition], {}
    for name, figure in zip(SCORES, (row.pearson, row.recovered_kl), strict=True):
        figures[name] = {"value": figure.value, "ci95": list(figure.ci95) if figure.ci95 else None}
    return figures


def row_json(row: HostRow) -> str:
    """A row as text; numbers that are not finite become null."""
    return as_json(asdict(row))


def row_from_json(text: str) -> HostRow | None:
    """The row that `row_json` wrote; None for what is no such row, as another version's."""
    try:
        return HostRow(**json.loads(text))
    except (TypeError, ValueError):
        return None


def universality_score(
    specs: Sequence[Spec], rows: Sequence[HostRow], pictures: Sequence[Picture], calibration: Sequence[Picture], seed: int, device: str
) -> Universality:
    """The rows, of that device all, with what they have in common."""
    return Universality(
        workbench=workbench.__version__,
        family=list(specs[0].theory.families)[-1],
        theories={spec.theory.theory: spec.theory.tuned.hosts if spec.theory.tuned else () for spec in specs},
        images=picture_facts(pictures),
        calibration=picture_facts(calibration),
        seed=seed,
        computed=computed_on(device),
        rows=tuple(rows),
    )


def universality_json(found: Universality) -> str:
    """universality.json (docs/universality.md): keys in a fixed order, numbers that are not finite become null."""
    plain = asdict(found)
    rows = [{**row, "radius_px": own.radius_px} for row, own in zip(plain.pop("rows"), found.rows, strict=True)]
    return as_json({"format": FORMAT, **plain, "hosts": rows})
