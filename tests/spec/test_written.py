"""Terms as a theory's text writes them."""

import pytest

from tests.planted import THEORY
from workbench.spec import theory_from_text
from workbench.spec.written import written_terms


def test_terms_have_the_values_of_the_text_on_one_line():
    assert written_terms(theory_from_text(THEORY), "curve") == {
        "gabor[0]": "{along: arc, radius_px: {tune: 20, min: 10, max: 40}, spread_px: 4, "
        "extent_px: 10, match: tangent, tolerance_deg: 20}",
        "gabor[1]": "{along: arc, radius_px: 20, spread_px: 8, extent_px: 10, match: normal, "
        "tolerance_deg: 30, gain: {tune: -0.3, min: -1, max: 0}}",
    }


def test_a_term_may_stand_without_its_list_and_over_several_lines():
    text = THEORY.replace(
        "input: {kernel: gabor, ", "input: {kernel: gabor, # the filter\n        "
    )
    (line,) = written_terms(theory_from_text(text), "gabor").items()
    assert line == (
        "input[0]",
        "{kernel: gabor, wavelength_px: {tune: 6, min: 3, max: 10}, sigma_px: 2, aspect: 0.7}",
    )


def test_an_unknown_family_has_no_terms():
    with pytest.raises(KeyError):
        written_terms(theory_from_text(THEORY), "line")
