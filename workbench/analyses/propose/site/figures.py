"""The figures of a proposal for a whole site."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.analyses.propose.site.grouped import GroupRow
from workbench.analyses.propose.site.hidden import HiddenRow
from workbench.analyses.propose.site.splice import SplicedAnswers
from workbench.analyses.propose.site.written import WrittenFacts
from workbench.score.facts import Header, document_json
from workbench.score.uncertainty import Figure

FORMAT = 2
LEVELS = (0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Row:
    """One way to predict the units of a site.

    name     "terms", a control, or a rival
    pearson  mean over units on pictures that nothing was fitted on
    gain     pearson of "terms" less that of this one, on the same pictures
    above    the share of units above each of LEVELS
    terms    of a unit, on average
    bits     of a unit, on average, the labels that it reads included
    numbers  fitted for all units: weights, gains, biases, poses, and those of the labels
    answers  of the network with the whole site as this way predicts it; empty unless asked for
    """

    name: str
    pearson: Figure
    gain: Figure
    above: Mapping[str, float]
    terms: float
    bits: float
    numbers: int
    answers: SplicedAnswers


@dataclass(frozen=True)
class UnitRow:
    """One unit: its label, and its own theory.

    family      its preferred kind of stimulus
    period_deg  the turn after which its preferred stimulus is the same; 0 for none
    pose_deg    direction of the normal of its theory's frame
    pearson     on the judging pictures; None for a unit that never varies there
    terms       of the language: each with the family that it reads
    pays        whether one term or more pays for itself in bits; None where it was not tried
    """

    unit: int
    family: str
    period_deg: float
    pose_deg: float
    pearson: float | None
    bits: float
    terms: Sequence[tuple[str, Mapping[str, Any]]]
    pays: bool | None


@dataclass(frozen=True)
class FamilyRow:
    """Units that share one theory up to their pose.

    name      suggested, from the stimulus that most of them prefer
    saved     bits that it saves against the best theory that each unit has alone
    deranged  the same where each unit has another unit's pose: far below
    poses     unit -> direction of the normal of its frame
    pearson   unit -> correlation on held-out pictures of the search
    terms     of the language: each with the family that it reads
    theory    the file of its theory, and `circuit` that of its units
    reads     family that is read -> the file of its trained units
    problem   why the theory cannot be compiled; empty where it can
    """

    name: str
    saved: float
    deranged: float
    poses: Mapping[int, float]
    pearson: Mapping[int, float]
    terms: Sequence[tuple[str, Mapping[str, Any]]]
    theory: str
    circuit: str
    reads: Mapping[str, str]
    problem: str


@dataclass(frozen=True)
class SiteProposal:
    """Theories of all units of a site, their controls and rivals.

    site        whose units they are
    reads       the site before, whose labelled units are read; or the input
    below       sites before that are handwritten, and read as they are written
    labels      how many units of the site before each family has
    label_bits  the bits of those labels
    of          how many units the site has; those that have no entry in `units` stay trained
    candidates  terms that were tried at each pose
    terms       how many were asked for; None for as many as pay for themselves
    spliced     pictures on which the whole site was put in place; 0 unless asked for
    headline    key of the quantity by which answers are compared, such as kl
    hidden      theories of the bottleneck's units; empty where there is none
    hidden_pearson
                mean over the bottleneck's units, by the way in which hidden ones are written
    groups      the families of the row `families`, of which every unit has one
    """

    header: Header
    site: str
    reads: str
    below: Sequence[WrittenFacts]
    labels: Mapping[str, int]
    label_bits: float
    of: int
    candidates: int
    terms: int | None
    spliced: int
    headline: str
    rows: Sequence[Row]
    units: Sequence[UnitRow]
    hidden: Sequence[HiddenRow]
    hidden_pearson: Mapping[str, Figure]
    families: Sequence[FamilyRow]
    groups: Sequence[GroupRow]

    def row(self, name: str) -> Row:
        """The row of that name. Raises StopIteration."""
        return next(row for row in self.rows if row.name == name)

    def written(self, row: str) -> tuple[int, float]:
        """The numbers, and the bits, of a row and of all that is handwritten below it."""
        this = self.row(row)
        numbers = this.numbers + sum(facts.numbers for facts in self.below)
        return numbers, this.bits * len(self.units) + sum(facts.bits for facts in self.below)

    @property
    def unexplained(self) -> list[int]:
        """The units of no family whose theory of their own does not pay for itself."""
        members = {unit for family in self.families for unit in family.poses}
        return [row.unit for row in self.units if row.pays is False and row.unit not in members]


def site_json(result: SiteProposal) -> str:
    """The text of site.json (docs/propose.md); numbers that are not finite become null."""
    return document_json(result, FORMAT)
