"""Universality: one family in many hosts, and theories of it on hosts they were not fitted to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from workbench.hosts.host import Host
from workbench.score.facts import Header, as_json, document_json
from workbench.score.scorecard import Scorecard
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit

FORMAT = 2
AS_WRITTEN = "as written"  # the first theory, as its numbers were before tuning
SCORES = ("pearson", "recovered_kl")  # figures of the transfer matrix, each {value, ci95}

Scores = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class HostRow:
    """One host: the family's site, figures of its units, and the scores of each theory.

    depth         the site's place among the host's `sites`, counted from 1
    cache_key     hash of everything that the row depends on
    field_px      pixels along one side of a cell's receptive field; None where that cannot be
                  measured
    units, of     the family's units, and all units of the site
    poses_deg, radii_px   of each unit, as surveyed
    figures       of tuning, means over units: width_deg, echo and largest_gap_deg of the trained
                  units, and of the first theory's handwritten ones
    theories      theory -> Scores, and AS_WRITTEN -> Scores
    controls      control or baseline -> Scores

    A host without scores has 0 units; `reason` is then why the survey found none or no theory can
    be compiled for it, and `passed` how many units passed the survey's thresholds.
    """

    host: str
    fingerprint: str
    has_output: bool
    sites: int
    cache_key: str
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
    reason: str = ""
    passed: int = 0

    @property
    def radius_px(self) -> float | None:
        """The median of the units' preferred radii."""
        return float(np.median(self.radii_px)) if self.radii_px else None

    @property
    def best_control(self) -> str | None:
        """The control or baseline that recovers most; without an output, that correlates best."""
        figure = "recovered_kl" if self.has_output else "pearson"
        known = {
            name: value
            for name, scores in self.controls.items()
            if (value := scores[figure]["value"]) is not None
        }
        return max(known, key=lambda name: known[name], default=None)


@dataclass(frozen=True)
class HostScores:
    """The results of one host.

    card      the scorecard of the first theory, compared with the others
    specs     all theories, in their order
    field_px  as in `HostRow`
    """

    card: Scorecard
    specs: Sequence[Spec]
    field_px: int | None


@dataclass(frozen=True)
class Universality:
    """Rows in the order in which hosts were given.

    `theories`: theory -> the hosts that it was tuned on, none for one that never was. The rows'
    tuning figures are of the first theory.
    """

    header: Header
    family: str
    theories: Mapping[str, tuple[str, ...]]
    rows: tuple[HostRow, ...]

    @property
    def matrix_rows(self) -> dict[str, tuple[str, ...]]:
        """The transfer matrix's rows: theories by name, with the hosts that each was tuned on.

        The first theory as it was before tuning, if there are figures of it, is the first row.
        """
        scored = any(AS_WRITTEN in row.theories for row in self.rows)
        return {AS_WRITTEN: (), **self.theories} if scored else dict(self.theories)

    def tuned_here(self, row: HostRow) -> str | None:
        """The theory tuned on this host, and on fewest others; None where there is none."""
        tuned = [name for name, hosts in self.theories.items() if row.host in hosts]
        return min(tuned, key=lambda name: len(self.theories[name]), default=None)

    def kept(self, row: HostRow, theory: str, figure: str) -> float | None:
        """The share that a theory has of the figure of the theory `tuned_here`, on this host.

        None where either figure is missing.
        """
        values = [
            row.theories.get(name, {}).get(figure, {}).get("value")
            for name in (theory, self.tuned_here(row))
            if name
        ]
        return (
            values[0] / values[1] if len(values) == 2 and None not in values and values[1] else None
        )


def scored_row(empty: HostRow, host: Host, trained: TrainedCircuit, scores: HostScores) -> HostRow:
    """The row of a host that has the family; `empty` is the one without scores."""
    site, card = host.site(trained.site), scores.card
    return replace(
        empty,
        site=site.name,
        depth=1 + list(host.sites).index(site.name),
        stride_px=site.stride_px,
        field_px=scores.field_px,
        units=len(trained.units),
        of=site.channels,
        circuit=trained.sha256,
        poses_deg=list(trained.angles_deg),
        radii_px=[unit.radius_px for unit in trained.units if unit.radius_px is not None],
        figures={
            f"{side}.{name}": card.tuning.get(f"{side}.{name}")
            for side in ("trained", "handwritten")
            for name in ("width_deg", "echo", "largest_gap_deg")
        },
        theories={
            theory: _scores(card, name) for theory, name in _conditions(scores.specs, card).items()
        },
        controls={name.partition(".")[2]: _scores(card, name) for name in card.rivals},
    )


def _conditions(specs: Sequence[Spec], card: Scorecard) -> dict[str, str]:
    """Theory -> the condition of the scorecard that is its own."""
    first, *others = [spec.theory.theory for spec in specs]
    conditions = {first: "spliced", **{name: f"compared.{name}" for name in others}}
    return conditions | ({AS_WRITTEN: "as_written"} if "as_written" in card.conditions else {})


def _scores(card: Scorecard, condition: str) -> Scores:
    row, figures = card.conditions[condition], {}
    for name, figure in zip(SCORES, (row.pearson, row.recovered), strict=True):
        figures[name] = {"value": figure.value, "ci95": list(figure.ci95) if figure.ci95 else None}
    return figures


def row_json(row: HostRow) -> str:
    """A row as text; numbers that are not finite become null."""
    return as_json(asdict(row))


def row_from_json(text: str) -> HostRow | None:
    """The row that `row_json` wrote; None for any other text, such as another version's row."""
    try:
        return HostRow(**json.loads(text))
    except (TypeError, ValueError):
        return None


def universality_score(
    header: Header, specs: Sequence[Spec], rows: Sequence[HostRow]
) -> Universality:
    """The rows, and what they have in common."""
    return Universality(
        header=header,
        family=list(specs[0].theory.families)[-1],
        theories={
            spec.theory.theory: spec.theory.tuned.hosts if spec.theory.tuned else ()
            for spec in specs
        },
        rows=tuple(rows),
    )


def universality_json(result: Universality) -> str:
    """The text of universality.json (docs/universality.md)."""
    document = json.loads(document_json(result, FORMAT))
    rows = zip(document.pop("rows"), result.rows, strict=True)
    hosts = [{**fields, "radius_px": row.radius_px} for fields, row in rows]
    return as_json({**document, "hosts": hosts})
