"""A family planted in a random network is proposed; in one without, none is."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from rich.console import Console

from tests.analyses.propose.site.planted_family import FAMILY, PLANTED_AT, READ, network
from workbench.analyses.propose.site.figures import SiteProposal, site_json
from workbench.analyses.propose.site.hidden import HiddenRow
from workbench.analyses.propose.site.request import SiteRequest
from workbench.analyses.propose.site.run import propose_site
from workbench.analyses.propose.site.table import site_table
from workbench.errors import WorkbenchError
from workbench.rebuild import RebuildRequest, run
from workbench.score.uncertainty import Figure
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work

PICTURES, JUDGE, TERMS, SPLICED = 128, 16, 8, 6
SEEDS = range(10)
UNITS = {unit.unit: unit.centre_deg for unit in FAMILY}


@cache
def shown(count, seed):
    """So many drawn pictures, each of which is drawn once."""

    def kept(picture):
        pixels = picture.load()
        return replace(picture, load=lambda: pixels)

    return [kept(picture) for picture in drawn(count, seed=seed)]


def proposal(seed: int, with_family: bool, output, splice: int = 0) -> SiteProposal:
    host = network(seed, with_family)
    pictures = shown(PICTURES, 1), shown(JUDGE, 2)
    request = SiteRequest(host, PLANTED_AT, *pictures, terms=TERMS, splice=splice)
    return propose_site(request, output, Work(seed=seed))


@pytest.fixture(scope="module")
def proposed(tmp_path_factory):
    output = tmp_path_factory.mktemp("site") / "out"
    return proposal(0, True, output, splice=SPLICED), output


def turned_alike(poses) -> bool:
    """Whether all units are turned from their planted poses by about one angle."""
    turns = np.radians([poses[unit] - centre_deg for unit, centre_deg in UNITS.items()])
    return abs(np.exp(1j * turns).mean()) > 0.95


def test_a_planted_family_is_proposed_with_its_units_and_poses(proposed):
    result, _ = proposed
    (family,) = result.families
    assert set(family.poses) == set(UNITS)
    assert turned_alike(family.poses)
    assert family.saved > 50 > 0 > family.deranged
    assert np.mean(list(family.pearson.values())) > 0.8


def test_without_a_planted_family_none_is_proposed(tmp_path):
    assert proposal(0, False, tmp_path / "out").families == []


@pytest.mark.full
@pytest.mark.parametrize("seed", SEEDS)
def test_in_every_network_the_planted_family_is_proposed_and_nothing_else(seed, tmp_path):
    (family,) = proposal(seed, True, tmp_path / "with").families
    assert set(family.poses) == set(UNITS)
    assert turned_alike(family.poses)
    assert proposal(seed, False, tmp_path / "without").families == []


def test_terms_of_the_language_stand_above_their_controls(proposed):
    result, output = proposed
    assert result.row("labels permuted").gain.value > 0
    for control in ("poses forbidden", "random terms"):
        low, _ = result.row(control).gain.ci95
        assert low > 0.2, control
    budget = result.row("terms").bits
    for name in ("single weights", "terms and single weights"):
        assert result.row(name).bits <= budget + 1
    assert json.loads((output / "site.json").read_text()) == json.loads(site_json(result))


def test_the_written_theory_compiles_and_scores_on_other_pictures(proposed, monkeypatch):
    result, output = proposed
    (family,) = result.families
    assert family.problem == ""
    host = network(0, True)
    for module in ("workbench.matching.subject", "workbench.rebuild"):
        monkeypatch.setattr(f"{module}.load", lambda name: host)
    files = [(output / family.theory, output / family.circuit)]
    bound = {name: output / file for name, file in family.reads.items()}
    other, calibration = drawn(12, seed=4), drawn(24, seed=3)
    request = RebuildRequest(files, other, calibration, bound_files=bound, quick=True)
    conditions = run(request).card.conditions
    assert conditions["spliced"].pearson.value > 0.85
    assert conditions["trained.gabor-bright-8"].pearson.value > 0.85
    assert conditions["baseline.regression"].pearson.value < 0.8
    again = RebuildRequest(files, shown(PICTURES, 1)[:8], calibration, bound_files=bound)
    with pytest.raises(WorkbenchError, match="tuning the spec"):
        run(again)


def test_the_whole_site_is_put_in_place_on_the_pictures_that_were_asked_for(proposed):
    result, output = proposed
    assert result.spliced == json.loads((output / "site.json").read_text())["spliced"] == SPLICED
    kl = {row.name: row.answers.quantities["kl"] for row in result.rows if row.answers.quantities}
    assert "single weights" in kl
    assert "random terms" not in kl
    assert 0 < kl["terms"].value < kl["labels permuted"].value < kl["mean"].value
    assert kl["terms"].ci95[0] < kl["terms"].value < kl["terms"].ci95[1]


def test_the_table_names_the_family_and_its_units(proposed):
    result, _ = proposed
    console = Console(width=100)
    with console.capture() as capture:
        console.print(site_table(result))
    text = " ".join(capture.get().split())
    assert result.families[0].name in text
    assert f"16 units that read {READ}" in text
    assert f"these 16 units put in place, on {SPLICED} pictures" in text
    kl = result.row("terms").answers.quantities["kl"].value
    assert f"{kl:.3f}" in text.split("put in place")[1]


def test_the_table_has_rivals_of_hidden_units(proposed):
    means = {"terms": Figure(0.75, (0.74, 0.76)), "single weights": Figure(0.85)}
    rows = [HiddenRow(unit, 0.0, 0.75, 100.0, ()) for unit in range(3)]
    console = Console(width=100)
    with console.capture() as capture:
        console.print(site_table(replace(proposed[0], hidden=rows, hidden_pearson=means)))
    text = " ".join(capture.get().split())
    shown = text.split("hidden: 3 units in place of the bottleneck's, as written by:")[1]
    assert "terms 0.750 0.740 to 0.760 single weights 0.850" in shown


def test_a_first_site_that_is_no_convolution_and_shared_pictures_are_refused(tmp_path):
    host = network(0, False)
    pictures = drawn(8, seed=1)
    with pytest.raises(WorkbenchError, match="one convolution and a ReLU"):
        propose_site(
            SiteRequest(host, "retina", pictures, drawn(8, seed=2)), tmp_path / "a", Work()
        )
    with pytest.raises(WorkbenchError, match="are calibration pictures"):
        propose_site(SiteRequest(host, PLANTED_AT, pictures, pictures), tmp_path / "b", Work())
    with pytest.raises(WorkbenchError, match="keeps the cells"):
        propose_site(SiteRequest(host, READ, pictures, drawn(8, seed=2)), tmp_path / "c", Work())
