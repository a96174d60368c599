"""What an assumed site says: claimed channels, their wrong poses and means, and all other channels."""

import numpy as np
import pytest
import torch

from tests.planted import INPUT, SITE
from tests.verbs.test_claims import THEORY_OF_LATE, write_late
from workbench.compiler import compile_spec
from workbench.compiler.families import families
from workbench.compiler.respond import cells_of
from workbench.evaluate import induction
from workbench.evaluate.claimed import claimed
from workbench.evaluate.induction import CLAIMED, NATURAL, PERMUTED, TRAINED, WITHOUT, assumed, hypothesis, implied
from workbench.evaluate.layers import onto
from workbench.evaluate.matching import Nearest
from workbench.pictures import batch
from workbench.pictures.drawn import drawn
from workbench.spec import load_circuit, theory_from_text


@pytest.fixture(scope="module")
def theory(tmp_path_factory) -> induction.Hypothesis:
    host, files = write_late(tmp_path_factory.mktemp("induction"))
    early, late, spec = load_circuit(files["early"]), load_circuit(files["late"]), theory_from_text(THEORY_OF_LATE)
    circuit = compile_spec(spec, late, host)
    none = {site: Nearest(*(np.zeros(each.channels) for _ in range(4))) for site, each in host.sites.items()}
    pairs = claimed(circuit, none, late, {"curve": early})
    return hypothesis(host, spec, late, circuit, pairs, {"curve": early}, drawn(8, seed=1))


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return batch(drawn(3, seed=3), INPUT)


def test_claimed_channels_say_what_is_claimed_and_all_others_their_mean(theory, x):
    host, pair = theory.host, theory.claims[0].pair
    natural = host.activations(x, SITE)[SITE]
    said = families(theory.circuit, host.input.decode(x), host.input.mean_rgb, rectified=False)
    units, others = pair.units.tolist(), [c for c in range(natural.shape[1]) if c not in pair.units]
    found = {kind: assumed(theory, SITE, kind, natural, said) for kind in induction.KINDS}
    claim = onto(*theory.claims[0].right(said), cells_of(host.site(SITE)))
    for kind in (CLAIMED, NATURAL):
        assert torch.equal(found[kind][:, units], claim)
    assert torch.equal(found[WITHOUT][:, units], theory.means[SITE][units][:, None, None].expand_as(claim))
    assert (found[PERMUTED][:, units] - claim).abs().max() > 0.1
    for kind in (CLAIMED, PERMUTED):
        assert torch.equal(found[kind][:, others], theory.means[SITE][others][:, None, None].expand_as(natural[:, others]))
    for kind in (NATURAL, WITHOUT):
        assert torch.equal(found[kind][:, others], natural[:, others])


def test_trained_weights_on_the_trained_units_own_activation_are_the_trained_units(theory, x, monkeypatch):
    """The base of the induction: with nothing replaced, running on changes nothing."""
    monkeypatch.setattr(induction, "assumed", lambda theory, site, kind, activation, said: activation)
    found = implied(theory, x, (CLAIMED,))
    assert torch.equal(found[f"1/{SITE}/{CLAIMED}"][0], found[f"1/{TRAINED}"][0])


def test_only_later_claims_are_steps_of_an_assumption(theory, x):
    names = set(implied(theory, x, (CLAIMED, NATURAL)))
    assert {name for name in names if name.count("/") == 2} == {f"1/{SITE}/{CLAIMED}", f"1/{SITE}/{NATURAL}"}
    assert {"0/trained", "0/claimed", "0/permuted", "1/by hand", "1/by hand, wrong"} <= names
    assert "0/by hand" not in names  # Gabors of several phases are no trained units'
    assert theory.claims[0].unread == "no trained units stand for what it reads"
