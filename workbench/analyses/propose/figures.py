"""The figures of a proposal: how well its terms predict the units, next to its controls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.score.facts import Header, document_json

FORMAT = 1


@dataclass(frozen=True)
class Proposal:
    """The terms that a search found, and the correlation of units on held-out pictures.

    candidates       how many atoms (the smallest terms) there are to choose from
    atoms            how many of them are taken
    paying           how many of them pay for themselves in bits
    pearson          with the first k atoms, for each k
    labels_permuted  the same where the units of every family read are in each other's places
    poses_permuted   the same where every unit has another unit's pose
    before           of the theory as it was, on the same pictures
    terms            the terms of the proposed theory, each with the family that it reads
    theory           the file of the proposed theory
    bits             description length of the theory as it was, and as proposed
    """

    header: Header
    candidates: int
    atoms: int
    paying: int
    pearson: tuple[float, ...]
    labels_permuted: tuple[float, ...]
    poses_permuted: tuple[float, ...]
    before: float
    terms: Sequence[tuple[str, Mapping[str, Any]]]
    theory: str
    bits: Mapping[str, int]


def proposal_json(result: Proposal) -> str:
    """The text of propose.json (docs/propose.md); numbers that are not finite become null."""
    return document_json(result, FORMAT)
