"""The place where a handwritten unit is most wrong, and the parts of its drive there."""

import numpy as np
import pytest
import torch

from tests.planted import THEORY, planted
from workbench.compiler import compile_spec
from workbench.compiler.derived import compile_terms
from workbench.compiler.respond import drive
from workbench.evaluate.calibration import calibrated
from workbench.spec import theory_from_text
from workbench.vision.activations import activations
from workbench.vision.pictures.drawn import drawn
from workbench.vision.worst import differences, most_different, worst_place

ROUNDING = 1e-5  # float32, in units of activation
WRONG = THEORY.replace("gain: {tune: -0.3, min: -1, max: 0}", "gain: {tune: 0.6, min: 0, max: 1}")


@pytest.fixture(scope="module")
def wrong():
    """A planted host, and a theory of it whose second term has the opposite sign."""
    host, trained, _ = planted()
    spec = theory_from_text(WRONG)
    splices = calibrated(host, compile_spec(spec, trained, host), drawn(12, seed=1))
    return host, splices, compile_terms(spec, trained, host)


@pytest.fixture(scope="module")
def pictures():
    return drawn(20, seed=2)  # more than a batch


def both(wrong, pictures):
    host, splices, _ = wrong
    return activations(host, splices, host.input.batch(pictures))


def test_the_place_is_that_of_the_largest_difference(wrong, pictures):
    host, splices, terms = wrong
    trained, handwritten = both(wrong, pictures)
    apart = np.abs(handwritten - trained)
    differs = differences(host, splices, pictures)
    np.testing.assert_allclose(differs, apart.max((2, 3)), rtol=1e-4, atol=ROUNDING)
    for unit in (None, 0, 4):
        picture, which = most_different(differs, unit)
        assert unit in (None, which)
        place = worst_place(host, splices, terms, pictures[picture], which)
        among = apart if unit is None else apart[:, [unit]]
        assert abs(place.trained - place.handwritten) == pytest.approx(among.max(), rel=1e-4)
        row, column = (
            round((at - host.site(splices.site).offset_px) / host.site(splices.site).stride_px)
            for at in reversed(place.at_px)
        )
        assert place.trained == pytest.approx(trained[picture, which, row, column], rel=1e-4)
        assert place.example.picture == pictures[picture].name


def test_the_parts_add_up_to_the_spliced_drive(wrong, pictures):
    host, splices, terms = wrong
    condition, site = splices.conditions["spliced"], host.site(splices.site)
    for unit in range(len(splices.units)):
        picture, _ = most_different(differences(host, splices, pictures), unit)
        place = worst_place(host, splices, terms, pictures[picture], unit)
        rgb = host.input.decode(host.input.batch([pictures[picture]]))
        with torch.inference_mode():
            whole = drive(splices.circuits["spliced"], rgb, host.picture_input.mean_rgb)[0, unit]
        column, row = (round((at - site.offset_px) / site.stride_px) for at in place.at_px)
        driven = float(condition.gain[unit] * whole[row, column] + condition.bias[unit])
        assert place.total == pytest.approx(driven, rel=1e-4, abs=ROUNDING)
        assert max(0.0, place.total) == pytest.approx(place.handwritten, rel=1e-4, abs=ROUNDING)
        assert list(place.parts) == ["gabor[0]", "gabor[1]"]
        assert place.parts["gabor[1]"] >= 0, "lines that cross the arc excite the wrong theory"


def test_the_right_theory_is_nowhere_as_wrong(wrong, pictures):
    host, trained, spec = planted()
    right = calibrated(host, compile_spec(spec, trained, host), drawn(12, seed=1))
    largest = differences(host, right, pictures).max()
    assert largest < 0.1 * differences(host, wrong[1], pictures).max()


def test_no_pictures_are_refused(wrong):
    host, splices, _ = wrong
    with pytest.raises(ValueError, match="at least one picture"):
        differences(host, splices, [])
