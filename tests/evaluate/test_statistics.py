"""Class statistics against the plain float64 formulas."""

import numpy as np
import pytest
import torch

from workbench.evaluate.statistics import MOMENTS, class_statistics, misses, unit_statistics

EXACT = 1e-12  # float64 on both sides
PICTURES, CLASSES = 9, 7


def logits(seed: int) -> torch.Tensor:
    return 3 * torch.randn(PICTURES, CLASSES, generator=torch.Generator().manual_seed(seed))


def plain_kl(natural: np.ndarray, other: np.ndarray) -> float:
    p, q = (np.exp(x - x.max()) / np.exp(x - x.max()).sum() for x in (natural, other))
    return float(sum(p[c] * np.log(p[c] / q[c]) for c in range(len(p))))


def test_kl_and_agreement_are_the_plain_formulas():
    natural, other = logits(0), logits(1)
    found = class_statistics(natural, other, torch.full((PICTURES,), -1))
    a, b = natural.double().numpy(), other.double().numpy()
    assert found["kl"] == pytest.approx([plain_kl(a[i], b[i]) for i in range(PICTURES)], abs=EXACT)
    assert found["agreement"].tolist() == [float(a[i].argmax() == b[i].argmax()) for i in range(PICTURES)]
    assert 0 < found["agreement"].sum() < PICTURES


def test_kl_has_a_direction():
    """KL(natural || condition): a condition that rules out what the network believes costs much, one that believes more costs little."""
    sure, unsure = torch.tensor([[20.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    label = torch.tensor([-1])
    assert class_statistics(sure, unsure, label)["kl"] == pytest.approx([np.log(2)], abs=1e-6)  # e^-20 is left out
    assert class_statistics(unsure, sure, label)["kl"] > 9


def test_no_kl_where_nothing_changes():
    assert class_statistics(logits(0), logits(0), torch.zeros(PICTURES, dtype=torch.long))["kl"].tolist() == [0.0] * PICTURES


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_kl_of_large_logits_is_finite(shift):
    natural, other = logits(0).double() + shift, logits(1).double() + shift
    expected = class_statistics(logits(0), logits(1), torch.full((PICTURES,), -1))["kl"]
    assert class_statistics(natural, other, torch.full((PICTURES,), -1))["kl"] == pytest.approx(expected, abs=1e-9)  # of numbers near 1e4


def test_accuracies_by_rank():
    """Label c is the c-th best class on every picture: top-1 for 0, top-5 up to 4."""
    ranked = torch.arange(CLASSES, 0, -1).float().expand(CLASSES, CLASSES)
    found = class_statistics(ranked, ranked, torch.arange(CLASSES))
    assert found["top1"].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert found["top5"].tolist() == [1, 1, 1, 1, 1, 0, 0]


def test_a_network_that_answers_nan_names_no_class():
    broken = torch.full((2, CLASSES), torch.nan)
    found = class_statistics(broken, broken, torch.tensor([0, -1]))
    for name in ("top1", "top5"):
        assert found[name].tolist() == pytest.approx([0, np.nan], nan_ok=True)
    one = torch.arange(CLASSES, 0, -1).float()[None].clone()
    one[0, 0] = torch.nan
    assert class_statistics(one, one, torch.tensor([0]))["top5"].tolist() == [0]


def test_no_label_is_nan_and_no_zero():
    found = class_statistics(logits(0), logits(1), torch.tensor([-1, *range(PICTURES - 1)]).clamp_max(CLASSES - 1))
    for name in ("top1", "top5"):
        assert np.isnan(found[name][0])
        assert np.isfinite(found[name][1:]).all()


@pytest.mark.parametrize("classes", [1, 2, 4])
def test_a_network_of_few_classes_has_its_label_among_the_first_five(classes):
    few = torch.randn(3, classes, generator=torch.Generator().manual_seed(0))
    assert class_statistics(few, few, torch.zeros(3, dtype=torch.long))["top5"].tolist() == [1, 1, 1]


def test_unit_statistics():
    generator = torch.Generator().manual_seed(0)
    value, trained = torch.randn(2, 3, 4, 5, generator=generator), torch.randn(2, 3, 4, 5, generator=generator)
    found = unit_statistics(value, trained, [0, 7])
    a, b = value.double().numpy(), trained.double().numpy()
    expected = [np.full((2, 3), 20), a.sum((2, 3)), b.sum((2, 3)), (a**2).sum((2, 3)), (b**2).sum((2, 3)), (a * b).sum((2, 3))]
    assert len(MOMENTS) == len(expected)
    assert found["moments"] == pytest.approx(np.stack(expected, 2), abs=EXACT)
    assert found["changed"] == pytest.approx(np.abs(a - b).max((1, 2, 3)), abs=EXACT)
    assert (found["sample"] == value.numpy()[:, :, [0, 1], [0, 2]].transpose(0, 2, 1)).all()  # cells 0 and 7 of rows of 5
    misses_of = ((a - b) ** 2).sum((2, 3)), (b**2).sum((2, 3))
    assert misses(np.asarray(found["moments"])) == pytest.approx(np.stack(misses_of, 2), rel=1e-6)  # float32
