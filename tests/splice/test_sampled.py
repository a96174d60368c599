"""Samples of activations: what a convolution reads, in the order of the rows."""

import numpy as np
import torch

from workbench.splice.sampled import chosen_positions, rows_at, windows_at


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_windows_at_are_what_a_convolution_reads():
    entering, kernel = drawn(2, 3, 5, 4), drawn(1, 3, 3, 3, seed=1)
    chosen = torch.tensor([0, 7, 19])
    rows = windows_at(entering, chosen // 4, chosen % 4, 1) @ kernel.flatten()
    expected = rows_at(torch.nn.functional.conv2d(entering, kernel, padding=1), chosen)
    np.testing.assert_allclose(rows, expected[:, 0], atol=1e-5)


def test_rows_at_are_pictures_after_one_another():
    activation = torch.arange(2 * 3 * 4).view(2, 3, 2, 2)
    assert rows_at(activation, torch.tensor([3, 0])).tolist() == [
        [3, 7, 11],
        [0, 4, 8],
        [15, 19, 23],
        [12, 16, 20],
    ]


def test_chosen_positions_are_different_ones_and_no_more_than_there_are():
    chosen = chosen_positions(drawn(2, 3, 5, 4), 100, np.random.default_rng(0))
    assert sorted(chosen.tolist()) == list(range(20))
    few = chosen_positions(drawn(2, 3, 5, 4), 6, np.random.default_rng(0))
    assert few.tolist() == chosen[:6].tolist()
