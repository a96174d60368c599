"""An assumed site's activation: claimed channels, wrong poses, means, and all other channels."""

import numpy as np
import pytest
import torch

from tests.planted import INPUT, SITE, THEORY_OF_LATE, write_late
from workbench.analyses.stepwise import measure
from workbench.analyses.stepwise.hypothesis import (
    CLAIMED,
    PERMUTED,
    TRAINED,
    Hypothesis,
    hypothesis,
)
from workbench.analyses.stepwise.measure import ASSUMPTIONS, NATURAL, WITHOUT, assumed, implied
from workbench.compiler import compile_spec
from workbench.compiler.families import families
from workbench.compiler.respond import cells_of
from workbench.matching.correspondence import claimed
from workbench.matching.matched import onto
from workbench.matching.nearest import Nearest
from workbench.matching.subject import Subject
from workbench.spec import load_circuit, theory_from_text
from workbench.vision.pictures import batch
from workbench.vision.pictures.drawn import drawn
from workbench.work import Work


@pytest.fixture(scope="module")
def theory(tmp_path_factory) -> Hypothesis:
    host, files = write_late(tmp_path_factory.mktemp("stepwise"))
    early, late, spec = (
        load_circuit(files["early"]),
        load_circuit(files["late"]),
        theory_from_text(THEORY_OF_LATE),
    )
    circuit = compile_spec(spec, late, host)
    none = {
        site: Nearest(*(np.zeros(each.channels) for _ in range(4)))
        for site, each in host.sites.items()
    }
    pairs = claimed(circuit, none, late, {"curve": early})
    subject = Subject(spec, late, host, {"curve": early}, circuit)
    return hypothesis(subject, pairs, drawn(8, seed=1), Work())


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return batch(drawn(3, seed=3), INPUT)


def test_assumed_claimed_channels_are_as_claimed_and_all_others_at_their_mean(theory, x):
    host, pair = theory.host, theory.claims[0].pair
    natural = host.activations(x, SITE)[SITE]
    responses = families(theory.circuit, host.input.decode(x), host.input.mean_rgb, rectified=False)
    units, others = pair.units.tolist(), [c for c in range(natural.shape[1]) if c not in pair.units]
    value = {kind: assumed(theory, SITE, kind, natural, responses) for kind in ASSUMPTIONS}
    claim = onto(*theory.claims[0].right(responses), cells_of(host.site(SITE)))
    for kind in (CLAIMED, NATURAL):
        assert torch.equal(value[kind][:, units], claim)
    assert torch.equal(
        value[WITHOUT][:, units], theory.means[SITE][units][:, None, None].expand_as(claim)
    )
    assert (value[PERMUTED][:, units] - claim).abs().max() > 0.1
    for kind in (CLAIMED, PERMUTED):
        assert torch.equal(
            value[kind][:, others],
            theory.means[SITE][others][:, None, None].expand_as(natural[:, others]),
        )
    for kind in (NATURAL, WITHOUT):
        assert torch.equal(value[kind][:, others], natural[:, others])


def test_implied_with_nothing_replaced_is_the_trained_units(theory, x, monkeypatch):
    """The base of the induction: with nothing replaced, running on changes nothing."""
    monkeypatch.setattr(
        measure, "assumed", lambda theory, site, assumption, activation, responses: activation
    )
    values = implied(theory, x, (CLAIMED,))
    assert torch.equal(values[f"1/{SITE}/{CLAIMED}"][0], values[f"1/{TRAINED}"][0])


def test_implied_has_later_claims_alone_under_an_assumption(theory, x):
    names = set(implied(theory, x, (CLAIMED, NATURAL)))
    assert {name for name in names if name.count("/") == 2} == {
        f"1/{SITE}/{CLAIMED}",
        f"1/{SITE}/{NATURAL}",
    }
    assert {"0/trained", "0/claimed", "0/permuted"} <= names
    assert {"1/handwritten", "1/handwritten, wrong"} <= names
    assert "0/handwritten" not in names  # no trained units stand for Gabors of several phases
    assert theory.claims[0].unread == "no trained units for the families that it reads"
