"""Description lengths: every rule by a count that is done by hand here."""

import math
from itertools import product

import pytest

from tests.planted import THEORY, planted
from workbench.score.bits import (
    CALIBRATED_BITS,
    HIGHEST,
    PRECISION,
    TEXT_BITS,
    address_bits,
    rounded,
    rounded_poses,
    theory_bits,
)
from workbench.spec import TrainedUnit, theory_from_text
from workbench.spec.terms import Term

SMALL = """\
theory: small
families:
  curve:
    poses: from-circuit
    window_px: 9
    reads: {input: {kernel: gabor, wavelength_px: 6, sigma_px: {tune: 2, min: 1, max: 4}}}
"""


def bits_of(text: str, units: int = 1):
    trained = planted().trained
    circuit = trained.model_copy(update={"units": trained.units[:units]})
    return theory_bits(theory_from_text(text).theory, circuit)


def test_theory_bits_of_a_small_theory_are_the_count_by_hand():
    lists = 3 + 3 + 3  # of one family; of one thing that it reads; of one term there
    presence = 8 + 1  # keys that may be left out: of the family; aspect
    unions = 1 + math.log2(4)  # axes or a word; a Gabor, a blob, a term or a table
    words = math.log2(5)  # one of five things to read; one word and one kernel cost nothing
    text = TEXT_BITS * (1 + 1)  # the 9 of the window, and its end
    found = bits_of(SMALL)
    assert found.structure == pytest.approx(lists + presence + unions + words + text)
    assert found.numbers == 2 * PRECISION  # wavelength and sigma
    assert found.poses == PRECISION  # one direction
    assert found.calibrated == 2 * CALIBRATED_BITS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("min: 1, max: 4", "min: 0.5, max: 8"),
        ("theory: small", "theory: a-longer-name\nabout: a sentence"),
        ("sigma_px: {tune: 2, min: 1, max: 4}", "sigma_px: 2"),
    ],
)
def test_theory_bits_do_not_count_what_changes_no_weight(old, new):
    assert bits_of(SMALL.replace(old, new)) == bits_of(SMALL)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("sigma_px:", "aspect: 0.7, sigma_px:"),
        ("window_px: 9", "window_px: 9\n    rectify: full"),
        ("window_px: 9", "window_px: 9.5"),
        ("window_px: 9", "window_px: 9\n    threshold: 0.1"),
    ],
)
def test_theory_bits_grow_with_what_is_added(old, new):
    assert bits_of(SMALL.replace(old, new)).total > bits_of(SMALL).total


def test_theory_bits_count_each_unit_alike():
    one, three = bits_of(THEORY, 1), bits_of(THEORY, 3)
    assert three.poses == 3 * one.poses
    assert three.calibrated == 3 * one.calibrated
    assert (three.structure, three.numbers) == (one.structure, one.numbers)


@pytest.mark.parametrize(("places", "chosen"), [(10, 3), (5, 5), (2304, 40), (7, 0)])
def test_address_bits_are_the_logarithm_of_the_ways_to_choose(places, chosen):
    assert address_bits(places, chosen) == pytest.approx(
        math.log2(math.comb(places, chosen)), abs=1e-6
    )


def test_rounded_values_are_no_more_than_the_bits_can_tell_apart():
    """Numbers of seven bits: at most 2 ** 7 values, whatever is rounded."""
    values = {rounded(sign * 1.01**power, 7) for sign, power in product((1, -1), range(-1200, 900))}
    assert 100 < len(values | {0.0}) <= 2**7
    assert max(values) < 2 ** (HIGHEST + 1)


@pytest.mark.parametrize("value", [0.6, -7.832, 0.1178, 180.0, 300.0, 0.0])
@pytest.mark.parametrize("precision", [7, 8, 12])
def test_rounded_is_near_and_stays(value, precision):
    near = rounded(value, precision)
    assert abs(near - value) <= abs(value) * 2.0 ** -(precision - 5)
    assert rounded(near, precision) == near


def test_rounded_poses_wrap_round_the_circle():
    toy = planted(units=[TrainedUnit(unit=1, centre_deg=359.9, shift_px=(1.03, -0.51))])
    (unit,) = rounded_poses(toy.spec.theory, toy.trained, 8).units
    assert unit.centre_deg == 0.0
    assert unit.shift_px == (1.0, -0.5)


def test_every_field_of_a_term_is_counted():
    """A new key of the language has a cost: each of them, set, adds bits."""
    term = "{along: point, match: any, %s}"
    base = THEORY.replace(
        "{along: arc, radius_px: {tune: 20, min: 10, max: 40}, spread_px: 4, extent_px: 10, "
        "match: tangent, tolerance_deg: 20}",
        "%s",
    )
    plain = bits_of(base % term.replace(", %s", ""))
    for key, value in {
        "gain": "2",
        "spread_px": "3",
        "radius_power": "1",
        "scale_power": "1",
    }.items():
        assert key in Term.model_fields
        more = bits_of(base % (term % f"{key}: {value}"))
        assert more.numbers == plain.numbers + PRECISION, key
