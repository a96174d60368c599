"""The search: planted terms are found, and nothing is found where there is nothing."""

import numpy as np
import pytest
import torch

from tests.planted import THEORY, planted
from workbench.analyses.propose.atoms import HARMONICS, Atom, Place, atoms
from workbench.analyses.propose.sample import LIKE
from workbench.analyses.propose.search import search
from workbench.analyses.propose.text import laid_out, proposed_text, terms
from workbench.compiler import compile_spec
from workbench.compiler.layer import motif, written
from workbench.spec import theory_from_text
from workbench.spec.source import parse
from workbench.spec.terms import PLACE_LENGTHS, Term
from workbench.splice.link import RELU
from workbench.theory.rule import weights

UNITS, ROWS, CANDIDATES = 4, 600, 40
PLANTED = {3: 1.0, 17: -0.6, 30: 0.3}


@pytest.fixture(scope="module")
def layer():
    host, trained, spec = planted()
    return compile_spec(spec, trained, host).layers[0]


def drawn_values(seed: int = 0) -> torch.Tensor:
    return torch.randn(UNITS, ROWS, CANDIDATES, generator=torch.Generator().manual_seed(seed))


def fitted_rows() -> np.ndarray:
    return np.arange(ROWS) % 2 == 0


def test_search_finds_planted_atoms_their_weights_and_no_more():
    values = drawn_values()
    weight = torch.zeros(CANDIDATES)
    weight[list(PLANTED)] = torch.tensor(list(PLANTED.values()))
    gains = torch.tensor([1.0, 2.0, 0.5, 3.0])
    noise = 0.3 * drawn_values(1)[:, :, 0]
    trained = torch.relu((values @ weight + noise) * gains[:, None]).T
    found = search(values, trained, fitted_rows(), 75, RELU, 10)
    assert set(found.chosen) == set(PLANTED)
    assert found.paying == len(PLANTED)
    ratio = {i: w / found.weights[0] for i, w in zip(found.chosen, found.weights, strict=True)}
    for i, planted_weight in PLANTED.items():
        assert ratio[i] == pytest.approx(planted_weight, abs=0.05)
    assert found.pearson[2] > 0.9
    assert found.pearson[0] < found.pearson[1] < found.pearson[2]


def test_search_where_nothing_is_planted_pays_for_one_atom_alone():
    """One is taken, and its correlation on held-out rows shows that it is worth nothing."""
    trained = torch.relu(drawn_values(5)[:, :, 0]).T
    found = search(drawn_values(), trained, fitted_rows(), 75, RELU, 10)
    assert found.paying == 1
    assert abs(found.pearson[0]) < 0.1


def test_search_takes_as_many_atoms_as_it_is_asked_for():
    trained = torch.relu(drawn_values(5)[:, :, 0]).T
    found = search(drawn_values(), trained, fitted_rows(), 75, RELU, 4, count=6)
    assert len(found.chosen) == len(set(found.chosen)) == 6
    assert len(found.pearson) == 6


def test_atoms_are_terms_of_the_language_each_once(layer):
    found = list(atoms([layer], 20.0))
    assert len(found) == len(set(found)) > 100
    assert {atom.place.along for atom in found} == set(PLACE_LENGTHS)
    for atom in found:
        ((_, term),) = terms([(atom, 1.0)], {layer.family: layer.units.shape})
        Term.model_validate(term)  # every place has the lengths that it needs


def test_terms_whose_weights_are_all_0_are_written_with_0(layer):
    atom = next(iter(atoms([layer], 20.0)))
    ((_, term),) = terms([(atom, 0.0)], {layer.family: layer.units.shape})
    tuned = term["harmonics"] if "harmonics" in term else [term["gain"]]
    assert [number["tune"] for number in tuned if number] == [0.0]


def test_written_terms_compile_to_the_weighted_sum_of_their_atoms(layer):
    """What the search fits is what the language says."""
    host, trained, spec = planted()
    units = compile_spec(spec, trained, host).layers[-1].units
    place = Place("arc", (("spread_px", 3.0), ("extent_px", 14.0), ("radius_px", 20.0)))
    chosen = [
        (Atom(layer.family, place, "tangent", harmonic, by), weight)
        for harmonic, by, weight in (
            (0, None, 0.4),
            (2, None, -1.0),
            (1, ("phase_deg", 1), 0.5),
            (0, ("phase_deg", 0), 0.25),
        )
    ]
    sizes = {layer.family: layer.units.shape}
    reads = [Term.model_validate(term) for _, term in terms(chosen, sizes)]
    assert len(reads) == 3
    from_text = weights(
        units, layer.units, [motif(term, written(LIKE)) for term in reads], 32, layer.grid_px, LIKE
    )
    from_atoms = sum(
        weight * weights(units, layer.units, [atom.motif(dict(layer.units.shape))], 32, 4, LIKE)
        for atom, weight in chosen
    )
    torch.testing.assert_close(from_text, from_atoms, atol=1e-5, rtol=1e-4)


def test_proposed_text_keeps_the_other_families_and_drops_what_spoke_of_the_last(layer):
    spec = theory_from_text(
        THEORY + "claims:\n  a: {about: x, edit: {without: gabor}, "
        "expect: {figure: peak, below: 0.5}}\n"
    )
    place = Place("point", ())
    sizes = {layer.family: layer.units.shape}
    text = proposed_text(spec, [(Atom("gabor", place, "tangent", 1), -3.0)], sizes)
    theory = theory_from_text(text).theory
    assert theory.families["gabor"] == spec.theory.families["gabor"]
    assert theory.families["curve"].window_px == spec.theory.families["curve"].window_px
    (term,) = theory.families["curve"].reads["gabor"]
    assert [number.tune for number in term.harmonics] == [0, -1.0]
    assert not theory.claims
    assert laid_out(parse(text).values) == text
    assert len(term.harmonics) <= HARMONICS
