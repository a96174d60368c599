"""Unit statistics against the plain float64 formulas."""

import numpy as np
import pytest
import torch

from workbench.evaluate.statistics import MOMENTS, misses, squares, unit_statistics

EXACT = 1e-12  # float64 on both sides


def test_unit_statistics():
    generator = torch.Generator().manual_seed(0)
    value, trained = (
        torch.randn(2, 3, 4, 5, generator=generator),
        torch.randn(2, 3, 4, 5, generator=generator),
    )
    computed = unit_statistics(value, trained, [0, 7])
    a, b = value.double().numpy(), trained.double().numpy()
    expected = [
        np.full((2, 3), 20),
        a.sum((2, 3)),
        b.sum((2, 3)),
        (a**2).sum((2, 3)),
        (b**2).sum((2, 3)),
        (a * b).sum((2, 3)),
    ]
    assert len(MOMENTS) == len(expected)
    assert computed["moments"] == pytest.approx(np.stack(expected, 2), abs=EXACT)
    assert computed["changed"] == pytest.approx(np.abs(a - b).max((1, 2, 3)), abs=EXACT)
    assert (
        computed["sample"] == value.numpy()[:, :, [0, 1], [0, 2]].transpose(0, 2, 1)
    ).all()  # cells 0 and 7 of rows of 5
    misses_of = ((a - b) ** 2).sum((2, 3)), (b**2).sum((2, 3))
    assert misses(np.asarray(computed["moments"])) == pytest.approx(
        np.stack(misses_of, 2), rel=1e-6
    )  # float32


def on_a_picture(value, trained, cells):
    """The moments and sample written for activations `n unit h w`, as they were first."""
    a, b = value.double().numpy(), trained.double().numpy()
    n = np.full(a.shape[:2], float(a.shape[2] * a.shape[3]))
    sums = [each.sum((2, 3)) for each in (a, b, a * a, b * b, a * b)]
    sample = value.numpy().reshape(*value.shape[:2], -1)[:, :, cells].transpose(0, 2, 1)
    return np.stack([n, *sums], 2), np.abs(a - b).max((1, 2, 3)), sample


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_unit_statistics_of_a_picture_are_the_same_to_the_bit_in_either_memory_format(layout):
    generator, cells = torch.Generator().manual_seed(1), [3, 0, 130]
    value, trained = (
        torch.randn(3, 5, 12, 12, generator=generator).contiguous(memory_format=layout)
        for _ in range(2)
    )
    computed = unit_statistics(value.numpy(), trained.numpy(), cells)
    for quantity, row in zip(
        ("moments", "changed", "sample"), on_a_picture(value, trained, cells), strict=True
    ):
        assert computed[quantity].dtype == row.dtype
        np.testing.assert_array_equal(computed[quantity], row, err_msg=quantity)
    expected = np.sum(np.square(value.numpy()), axis=(1, 2, 3), dtype=np.float64)
    np.testing.assert_array_equal(squares(value.numpy()), expected)


@pytest.mark.parametrize("shape", [(24,), (2, 3, 4)])
def test_unit_statistics_do_not_depend_on_how_positions_are_laid_out(shape):
    generator = torch.Generator().manual_seed(2)
    pair = [torch.randn(2, 3, 4, 6, generator=generator) for _ in range(2)]
    plain = unit_statistics(*pair, [0, 7])
    computed = unit_statistics(*(each.reshape(2, 3, *shape) for each in pair), [0, 7])
    for quantity, row in plain.items():
        assert np.asarray(computed[quantity]) == pytest.approx(np.asarray(row), abs=EXACT), quantity
    assert np.asarray(squares(pair[0].reshape(2, 3, *shape))) == pytest.approx(
        np.asarray(squares(pair[0])), rel=1e-6
    )
