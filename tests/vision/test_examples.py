"""Examples: chosen from the sums of each picture, drawn where the activity is."""

import numpy as np

from workbench.evaluate.statistics import Statistics, misses
from workbench.hosts.host import Site
from workbench.vision.examples import chosen, shown_units
from workbench.vision.pictures.patch import CELLS_EACH_SIDE, cells_around, patch

CELLS = 16


def statistics(value: np.ndarray, trained: np.ndarray) -> Statistics:
    """Of activations `picture unit cell`."""
    sums = (
        np.full(value.shape[:2], CELLS),
        value.sum(2),
        trained.sum(2),
        (value**2).sum(2),
        (trained**2).sum(2),
        (value * trained).sum(2),
    )
    names = tuple(map(str, range(len(value))))
    units = tuple(range(value.shape[1]))
    moments = np.stack(sums, 2)
    return Statistics(
        names,
        names,
        units,
        np.zeros(len(units)),
        trained.max(2),
        {"spliced": {"moments": moments, "misses": misses(moments)}},
    )


def made() -> tuple[np.ndarray, np.ndarray]:
    """20 pictures of one unit: picture 3 is active and alike, 4 active and opposite, 5 weak and
    the same to the last digit.
    """
    generator = np.random.default_rng(0)
    trained = generator.uniform(0, 1, (20, 1, CELLS))
    value = trained + generator.normal(0, 0.3, trained.shape)
    trained[3:5] *= 50
    value[3], value[4] = trained[3] * 1.01, trained[4, :, ::-1] * 0
    value[5] = trained[5] = trained[5] / 100
    return value, trained


def test_best_is_alike_and_active_and_worst_differs_most():
    sums = statistics(*made())
    assert chosen(sums, 0, "best", 1) == [3]
    assert chosen(sums, 0, "worst", 1) == [4]
    assert not set(chosen(sums, 0, "best", 3)) & set(chosen(sums, 0, "worst", 3))


def test_units_are_best_middle_and_worst():
    generator = np.random.default_rng(1)
    trained = generator.uniform(0, 1, (10, 5, CELLS))
    noise = np.array([0.5, 0.0, 4.0, 0.2, 1.0])[None, :, None]
    assert shown_units(
        statistics(trained + noise * generator.normal(0, 1, trained.shape), trained)
    ) == [1, 0, 2]
    assert shown_units(statistics(trained[:, :1], trained[:, :1])) == [0]


def test_a_patch_covers_exactly_its_cells():
    site = Site.on_grid("s", "s", 1, 40, 40, 4, 2)
    rgb = np.zeros((160, 160, 3), np.uint8)
    rgb[4 * 20 : 4 * 21, 4 * 10 : 4 * 11] = 200  # cell (20, 10) is centred on pixel (82, 42)
    rows, columns = cells_around(20, 40), cells_around(10, 40)
    pixels = patch(rgb, (rows, columns), site, (7.0, 7.0, 7.0))
    assert pixels.shape == (4 * (2 * CELLS_EACH_SIDE + 1),) * 2 + (3,)
    lit = np.argwhere(pixels[:, :, 0] == 200)
    assert (lit.min(0) == [4 * CELLS_EACH_SIDE, 4 * CELLS_EACH_SIDE]).all()
    assert (lit.max(0) == [4 * CELLS_EACH_SIDE + 3, 4 * CELLS_EACH_SIDE + 3]).all()


def test_windows_move_inside_the_picture():
    assert (cells_around(0, 40), cells_around(39, 40), cells_around(3, 10)) == (
        slice(0, 15),
        slice(25, 40),
        slice(0, 10),
    )


def test_beyond_the_edge_is_the_hosts_padding():
    site = Site.on_grid("s", "s", 1, 20, 20, 8, -2)
    pixels = patch(
        np.full((160, 160, 3), 99, np.uint8),
        (cells_around(0, 20), cells_around(0, 20)),
        site,
        (7.0, 8.0, 9.0),
    )
    assert tuple(pixels[0, 0]) == (7, 8, 9)
    assert tuple(pixels[6, 6]) == (99, 99, 99)
