"""Which trained units a theory speaks of: matched ones, those of files in their place, and what a
family can be bound to.
"""

import numpy as np
import pytest

from tests.planted import LATE, SITE, THEORY_OF_LATE, write_late
from workbench.compiler import compile_spec
from workbench.matching.correspondence import as_circuit, bindable, claimed, read_off
from workbench.matching.nearest import Nearest
from workbench.spec import load_circuit, theory_from_text

GABOR, CURVE, LAST = range(3)  # families, in the order of the theory


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    host, files = write_late(tmp_path_factory.mktemp("claimed"))
    early, late, spec = (
        load_circuit(files["early"]),
        load_circuit(files["late"]),
        theory_from_text(THEORY_OF_LATE),
    )
    return host, early, late, spec, compile_spec(spec, late, host)


def nearest_units(host, *corresponding: tuple[str, int, int, int]) -> dict[str, Nearest]:
    """(site, unit, family, pose) that correspond, and nothing else."""
    made = {
        site: Nearest(
            *(np.zeros(each.channels, int) for _ in range(2)),
            *(np.zeros(each.channels) for _ in range(2)),
        )
        for site, each in host.sites.items()
    }
    for site, unit, family, pose in corresponding:
        for column, value in zip(
            (made[site].family, made[site].pose, made[site].tuning, made[site].direction),
            (family, pose, 1, 1),
            strict=True,
        ):
            column[unit] = value
    return made


def plain(pairs) -> list[tuple[str, str, list[int], list[int]]]:
    return [(pair.family, pair.site, pair.units.tolist(), pair.poses.tolist()) for pair in pairs]


def test_claimed_has_matched_units_and_of_the_last_family_the_circuits(planted):
    host, _, late, _, circuit = planted
    pairs = claimed(
        circuit,
        nearest_units(host, (SITE, 4, CURVE, 2), (SITE, 0, GABOR, 7), ("consumers", 1, LAST, 0)),
        late,
        {},
    )
    last_units = [unit.unit for unit in LATE]
    assert plain(pairs) == [
        ("gabor", SITE, [0], [7]),
        ("curve", SITE, [4], [2]),
        ("late", "consumers", last_units, [0, 1, 2]),
    ]
    assert all((pair.wrong != pair.poses).all() for pair in pairs)


def test_claimed_with_a_file_has_its_units_in_place_of_matches(
    planted,
):
    host, early, late, _, circuit = planted
    matched = nearest_units(
        host,
        (SITE, 0, CURVE, 5),
        (SITE, early.units[0].unit, GABOR, 7),
        (SITE, 2, GABOR, 1),
        ("consumers", 1, CURVE, 4),
    )
    pairs = claimed(circuit, matched, late, {"curve": early})
    assert plain(pairs)[:3] == [
        ("gabor", SITE, [2], [1]),
        (
            "curve",
            SITE,
            [unit.unit for unit in early.units],
            [0, 1, 2, 3, 4, 5],
        ),  # the nearest of the poses, every 60 degrees
        ("curve", "consumers", [1], [4]),
    ]


def test_bindable_are_units_above_and_no_family_of_several_axes_or_too_few_units(
    planted,
):
    host, early, late, spec, circuit = planted
    pairs = claimed(circuit, nearest_units(host, ("retina", 0, GABOR, 7)), late, {"curve": early})
    curve, last = pairs[1], pairs[2]
    assert {
        family: units.units
        for family, units in bindable(
            spec, late, host, circuit, pairs, {"curve": early}, last
        ).items()
    } == {"curve": early.units}
    assert (
        bindable(spec, late, host, circuit, pairs, {}, curve) == {}
    )  # of Gabors, which have phases
    few = claimed(
        circuit,
        nearest_units(host, *((SITE, early.units[i].unit, CURVE, i) for i in range(2))),
        late,
        {},
    )
    assert bindable(spec, late, host, circuit, few, {}, few[-1]) == {}
    assert (
        "'gabor', bound to gabor at retina: has the axes"
        in read_off(spec, late, host, circuit, pairs, {}, curve)["gabor"]
    )
    assert read_off(spec, late, host, circuit, few, {}, few[-1]) == {
        "curve": "only 2 of 2 units respond to a line or an arc of their direction; 3 are needed"
    }


def test_as_circuit_has_the_poses_of_the_matched_family_units(planted):
    host, early, late, spec, circuit = planted
    pairs = claimed(
        circuit,
        nearest_units(host, *((SITE, unit.unit, CURVE, i) for i, unit in enumerate(early.units))),
        late,
        {},
    )
    made = as_circuit(pairs[0], circuit, host)
    assert [(unit.unit, unit.centre_deg) for unit in made.units] == [
        (unit.unit, unit.centre_deg) for unit in early.units
    ]
    assert set(bindable(spec, late, host, circuit, pairs, {}, pairs[-1])) == {"curve"}
