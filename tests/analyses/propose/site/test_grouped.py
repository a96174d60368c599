"""Families of all units: a planted one is found, and wrong labels explain less."""

from collections import Counter

import numpy as np
import pytest

from tests.analyses.propose.site.planted_family import FAMILY, PLANTED_AT, network
from workbench.analyses.propose.site.controls import TERMS
from workbench.analyses.propose.site.grouped import GROUPED, GROUPED_PERMUTED
from workbench.analyses.propose.site.request import ROWS, SiteRequest, wanted_rows
from workbench.analyses.propose.site.run import propose_site
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

PLANTED = {unit.unit: unit.centre_deg for unit in FAMILY}


@pytest.fixture(scope="module")
def proposed(tmp_path_factory):
    request = SiteRequest(
        network(0, with_family=True),
        PLANTED_AT,
        drawn(64, seed=1),
        drawn(16, seed=2),
        terms=8,
        rows=(GROUPED, GROUPED_PERMUTED),
    )
    return propose_site(request, tmp_path_factory.mktemp("grouped") / "out", Work())


def test_every_unit_is_in_one_family_of_three_or_more(proposed):
    members = Counter(unit for group in proposed.groups for unit in group.poses)
    assert set(members) == set(range(proposed.of))
    assert set(members.values()) == {1}
    assert min(len(group.poses) for group in proposed.groups) >= 3


def test_planted_units_are_grouped_with_each_other_at_their_poses(proposed):
    """Two or more planted units of one family are turned from their poses by about one angle."""
    groups = [[unit for unit in group.poses if unit in PLANTED] for group in proposed.groups]
    assert sum(len(units) for units in groups if len(units) > 1) >= 6
    for group, units in zip(proposed.groups, groups, strict=True):
        if len(units) > 1:
            turns = np.radians([group.poses[unit] - PLANTED[unit] for unit in units])
            assert abs(np.exp(1j * turns).mean()) > 0.9
            assert min(group.pearson[unit] for unit in units) > 0.7


def test_families_cost_no_more_than_theories_of_single_units_and_labels_matter(proposed):
    families, terms = proposed.row(GROUPED), proposed.row(TERMS)
    assert families.bits <= terms.bits
    # only the planted units read labels; the others have random weights
    assert families.pearson.value > proposed.row(GROUPED_PERMUTED).pearson.value


def test_a_site_of_two_units_has_no_families_unless_they_are_asked_for():
    request = SiteRequest(network(0, with_family=False), PLANTED_AT, (), ())
    assert tuple(wanted_rows(request, 3)) == ROWS
    assert set(ROWS) - set(wanted_rows(request, 2)) == {GROUPED, GROUPED_PERMUTED}
