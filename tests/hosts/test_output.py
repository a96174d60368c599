"""Outputs against naive loops in float64, in every array library, and through evaluation."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from tests.libraries import LIBRARIES, plain
from tests.planted import CLASSES, planted_run
from workbench.arrays import device
from workbench.errors import WorkbenchError
from workbench.evaluate.run import evaluate
from workbench.hosts import (
    ClassOutput,
    EmbeddingOutput,
    Host,
    NoOutput,
    Output,
    PictureInput,
    host_from_module,
)
from workbench.score.recovery import distance, recovered

EXACT = 1e-12  # float64 on both sides, sums in another order
FLOAT32 = 2e-4  # logits of size up to 20 in float32, summed in another order for another batch
ITEMS, LOGITS = 9, 7
OUTPUTS = (ClassOutput(), EmbeddingOutput(), NoOutput())


class Item(NamedTuple):
    label: str | None


def answers(seed: int) -> np.ndarray:
    return 3 * np.random.default_rng(seed).normal(size=(ITEMS, LOGITS)).astype(np.float32)


def naive_kl(natural: np.ndarray, answer: np.ndarray) -> float:
    p, q = (np.exp(x - x.max()) / np.exp(x - x.max()).sum() for x in (natural, answer))
    return float(sum(p[c] * np.log(p[c] / q[c]) for c in range(len(p))))


def naive_within(answer: np.ndarray, target: int, first: int) -> float:
    if target < 0:
        return float("nan")
    before = sum(
        logit > answer[target] or (logit == answer[target] and c < target)
        for c, logit in enumerate(answer)
    )
    return float(before < first)


def naive_classes(natural: np.ndarray, answer: np.ndarray, target: int) -> dict[str, float]:
    return {
        "kl": naive_kl(natural, answer),
        "agreement": float(max(range(LOGITS), key=lambda c: natural[c]) == answer.argmax()),
        "top1": naive_within(answer, target, 1),
        "top5": naive_within(answer, target, 5),
    }


def naive_embedding(natural: np.ndarray, answer: np.ndarray, target: int) -> dict[str, float]:
    product = sum(float(a) * float(b) for a, b in zip(natural, answer, strict=True))
    norms = [sum(float(a) ** 2 for a in vector) ** 0.5 for vector in (natural, answer)]
    return {"distance": 1 - product / norms[0] / norms[1]}


def naive_nothing(natural: np.ndarray, answer: np.ndarray, target: int) -> dict[str, float]:
    return dict.fromkeys(("kl", "agreement", "top1", "top5"), float("nan"))


NAIVE = dict(zip(OUTPUTS, (naive_classes, naive_embedding, naive_nothing), strict=True))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: type(output).__name__)
def test_statistics_in_any_library_are_those_of_a_naive_loop(output: Output, library):
    natural, answer = answers(0), answers(1)
    answer[:3] = natural[:3]  # some answers that stay as they are
    answer[4, [2, 5]] = answer[4].max() + 1  # and two first classes
    target = np.arange(ITEMS) % (LOGITS + 1) - 1
    rows = output.statistics(library(natural), library(answer), library(target))
    expected = [
        NAIVE[output](*row)
        for row in zip(natural.astype(float), answer.astype(float), target.tolist(), strict=True)
    ]
    assert list(rows) == [quantity.name for quantity in output.quantities]
    like = library(np.zeros(()))
    for name, row in rows.items():
        assert (type(row), device(row)) == (type(like), device(like)), name
        assert plain(row).dtype == np.float64
        np.testing.assert_allclose(
            plain(row), [naive[name] for naive in expected], atol=EXACT, rtol=0, err_msg=name
        )


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: type(output).__name__)
def test_headline_is_a_distance_among_the_quantities(output: Output):
    assert output.headline in output.quantities
    assert not output.headline.larger_is_better
    assert not output.headline.needs_target


# ---- classes


def kl(natural: np.ndarray, answer: np.ndarray) -> np.ndarray:
    return ClassOutput().statistics(natural, answer, np.full(len(natural), -1))["kl"]


def test_kl_has_a_direction():
    """KL(natural || condition) is large for a condition that rules out what the network believes,
    and small for one that believes more.
    """
    sure, unsure = np.array([[20.0, 0.0]]), np.array([[0.0, 0.0]])
    assert kl(sure, unsure) == pytest.approx([np.log(2)], abs=1e-6)  # e^-20 is left out
    assert kl(unsure, sure) > 9


def test_kl_of_equal_answers_is_exactly_zero():
    assert kl(answers(0), answers(0)).tolist() == [0.0] * ITEMS


@pytest.mark.parametrize("shift", [0.0, 1e4, -1e4])
def test_kl_of_large_logits_is_finite(shift):
    natural, answer = answers(0).astype(float), answers(1).astype(float)
    shifted = kl(natural + shift, answer + shift)
    assert shifted == pytest.approx(kl(natural, answer), abs=1e-9)  # of numbers near 1e4


def test_accuracies_by_rank():
    """Label c is the c-th best class on every picture: top-1 for 0, top-5 up to 4."""
    ranked = np.tile(np.arange(LOGITS, 0, -1.0), (LOGITS, 1))
    rows = ClassOutput().statistics(ranked, ranked, np.arange(LOGITS))
    assert rows["top1"].tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert rows["top5"].tolist() == [1, 1, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("where", ["natural", "answer", "both"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_kl_of_logits_that_are_not_finite_is_infinite_and_agreement_unknown(library, where, value):
    natural, answer = answers(0), answers(1)
    for broken in (natural,) if where == "natural" else (answer,):
        broken[4, 2] = value
    if where == "both":
        natural[4, 2] = value
    rows = ClassOutput().statistics(library(natural), library(answer), library(np.full(ITEMS, -1)))
    kl, agreement = plain(rows["kl"]), plain(rows["agreement"])
    assert np.isinf(kl).tolist() == [i == 4 for i in range(ITEMS)]
    assert np.isnan(agreement).tolist() == [i == 4 for i in range(ITEMS)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_kl_of_a_class_that_is_ruled_out(library):
    """In both: as if the class were not there. In the condition alone: infinite. In natural alone:
    0 log 0 is 0.
    """
    natural, answer = answers(0), answers(1)
    natural[:2, 3] = answer[:3, 3] = -np.inf
    natural[3, 3] = -np.inf
    result = plain(
        ClassOutput().statistics(library(natural), library(answer), library(np.full(ITEMS, 3)))[
            "kl"
        ]
    )
    others = [c for c in range(LOGITS) if c != 3]
    for i in (0, 1):
        expected = naive_kl(natural[i, others].astype(float), answer[i, others].astype(float))
        assert result[i] == pytest.approx(expected, abs=EXACT)
    assert np.isinf(result[2])
    q = np.exp(answer[3].astype(float))
    with_mass = naive_kl(natural[3, others].astype(float), answer[3, others].astype(float))
    assert result[3] == pytest.approx(with_mass - np.log(1 - q[3] / q.sum()), abs=EXACT)
    assert np.isfinite(result[4:]).all()


def test_kl_of_a_class_whose_probability_underflows_is_finite():
    natural, answer = np.array([[0.0, -800.0, 1.0]]), np.array([[0.0, -np.inf, 1.0]])
    assert kl(natural, answer).tolist() == [0.0]


def test_accuracies_of_a_class_that_is_ruled_out():
    """A label that is ruled out ranks last, and rules out no other label."""
    one = np.array([[-np.inf, 6, 5, 4, 3, 2, 1.0]])
    for label, top5 in ((0, 0), (5, 1), (6, 0)):
        assert ClassOutput().statistics(one, one, np.array([label]))["top5"].tolist() == [top5]


# ---- probabilities


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


@pytest.mark.parametrize("library", LIBRARIES)
def test_statistics_of_declared_probabilities_are_those_of_their_logits(library):
    natural, answer = answers(0).astype(float), answers(1).astype(float)
    natural[0, 3] = answer[0, 3] = -np.inf  # probability 0
    target = np.arange(ITEMS) % LOGITS
    logits = ClassOutput().statistics(natural, answer, target)
    shares = ClassOutput(probabilities=True).statistics(
        library(softmax(natural)), library(softmax(answer)), library(target)
    )
    for name, row in logits.items():
        np.testing.assert_allclose(plain(shares[name]), row, atol=EXACT, err_msg=name)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("items", [1, 8])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_problems_probabilities_are_refused_unless_declared(dtype, items, classes):
    logits = 4 * torch.randn(items, classes, generator=torch.Generator().manual_seed(0))
    shares = logits.softmax(1).to(dtype)
    (problem,) = ClassOutput().problems(shares)
    assert "gives probabilities" in problem
    assert "probabilities=True" in problem
    assert ClassOutput(probabilities=True).problems(shares) == []
    assert ClassOutput().problems(logits.log_softmax(1).to(dtype)) == []  # these are logits


REAL = {
    "trained": lambda rows: 5 * rows,
    "untrained": lambda rows: 1e-3 * rows,
    "after a ReLU": lambda rows: (5 * rows).relu(),
    "after a sigmoid": lambda rows: rows.sigmoid(),
    "zero": lambda rows: 0 * rows,
    "1 / classes": lambda rows: 0 * rows + 1 / rows.shape[1],
    "sum of 1 with some below 0": lambda rows: (
        rows - rows.mean(1, keepdim=True) + 1 / rows.shape[1]
    ),
    "one class": lambda rows: rows[:, :1].abs(),
    "one item of shares among logits": lambda rows: torch.cat([rows[:1].softmax(1), rows]),
}


@pytest.mark.parametrize("kind", REAL)
@pytest.mark.parametrize("classes", [2, 3, 1000])
def test_problems_of_logits_are_none(kind, classes):
    rows = torch.randn(8, classes, generator=torch.Generator().manual_seed(1))
    assert ClassOutput().problems(REAL[kind](rows)) == []


def test_problems_of_rows_that_are_not_finite_are_left_to_the_statistics():
    rows = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    rows[1, 2] = torch.nan
    assert ClassOutput().problems(rows) == ClassOutput().problems(rows[1:2]) == []
    assert ClassOutput(probabilities=True).problems(rows.softmax(1)) == []
    assert len(ClassOutput().problems(rows.softmax(1))) == 1


def test_problems_of_logits_that_are_declared_as_probabilities():
    rows = torch.randn(8, 5, generator=torch.Generator().manual_seed(1))
    (problem,) = ClassOutput(probabilities=True).problems(rows)
    assert "do not sum to 1" in problem


def test_accuracies_of_nan_logits_are_zero():
    broken = np.full((2, LOGITS), np.nan)
    rows = ClassOutput().statistics(broken, broken, np.array([0, -1]))
    for name in ("top1", "top5"):
        assert rows[name].tolist() == pytest.approx([0, np.nan], nan_ok=True)
    one = np.arange(LOGITS, 0, -1.0)[None]
    one[0, 0] = np.nan
    assert ClassOutput().statistics(one, one, np.array([0]))["top5"].tolist() == [0]


def test_accuracies_without_a_label_are_nan():
    target = np.minimum(np.array([-1, *range(ITEMS - 1)]), LOGITS - 1)
    rows = ClassOutput().statistics(answers(0), answers(1), target)
    for name in ("top1", "top5"):
        assert np.isnan(rows[name][0])
        assert np.isfinite(rows[name][1:]).all()


@pytest.mark.parametrize("classes", [1, 2, 4])
def test_top5_of_few_classes_is_one(classes):
    few = np.random.default_rng(0).normal(size=(3, classes))
    rows = ClassOutput().statistics(few, few, np.zeros(3, int))
    assert rows["top5"].tolist() == [1, 1, 1]


def test_targets_are_output_indices_of_known_labels():
    items = [Item("n2"), Item(None), Item("n7"), Item("n1")]
    assert ClassOutput(("n1", "n2")).targets(items).tolist() == [1, -1, -1, 0]
    assert ClassOutput(("n1", "")).targets([Item(None)]).tolist() == [1]  # as an empty label
    for output in OUTPUTS:
        assert output.targets(items).tolist() == [-1] * 4


# ---- embeddings


def test_embedding_distance_has_its_known_values_at_right_angles_and_opposite():
    natural = np.array([[3.0, 0.0]] * 4)
    answer = np.array([[5.0, 0.0], [0.0, 2.0], [-1.0, 0.0], [1.0, 1.0]])
    rows = EmbeddingOutput().statistics(natural, answer, np.full(4, -1))
    assert rows["distance"] == pytest.approx([0, 1, 2, 1 - 0.5**0.5], abs=EXACT)


def test_embedding_distance_of_equal_answers_is_exactly_zero():
    rows = EmbeddingOutput().statistics(answers(0), answers(0), np.full(ITEMS, -1))
    assert rows["distance"].tolist() == [0.0] * ITEMS


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_embedding_distance_of_numbers_that_are_not_finite_is_infinite(library, value):
    natural, answer = answers(0), answers(1)
    natural[2, 1] = answer[5, 0] = value
    rows = EmbeddingOutput().statistics(
        library(natural), library(answer), library(np.full(ITEMS, -1))
    )
    assert np.flatnonzero(~np.isfinite(plain(rows["distance"]))).tolist() == [2, 5]
    assert np.isinf(plain(rows["distance"])[[2, 5]]).all()


@pytest.mark.filterwarnings("error")
def test_embedding_distance_of_zeros_is_nan():
    rows = EmbeddingOutput().statistics(np.zeros((1, 3)), np.ones((1, 3)), np.array([-1]))
    assert np.isnan(rows["distance"]).all()


# ---- declared


class Answering(nn.Module):
    """A site, and a fixed answer, the same row for each picture."""

    def __init__(self, answer: object):
        super().__init__()
        self.site, self.answer = nn.Conv2d(3, 2, 3), answer

    def forward(self, x: torch.Tensor) -> object:
        self.site(x)
        rows = isinstance(self.answer, torch.Tensor) and self.answer.ndim == 2
        return self.answer.expand(len(x), -1) if rows else self.answer


def host_that_answers(answer: object, **declared) -> Host:
    network = Answering(answer)
    return host_from_module(
        network,
        "own",
        {"site": "site"},
        PictureInput(24, (0, 0, 0)),
        links={"site": "identity"},
        **declared,
    )


@pytest.mark.parametrize(
    ("answer", "output", "problem"),
    [
        (torch.zeros(1, 4, 2), ClassOutput(), r"gives \(1, 4, 2\) .* expected logits 1 x classes"),
        ([1], ClassOutput(), "gives list .* expected logits 1 x classes"),
        (torch.zeros(1, 4), ClassOutput(("a", "b")), "2 classes are named; .* has 4 outputs"),
        (torch.zeros(4), EmbeddingOutput(), r"gives \(4,\) .* expected an embedding 1 x"),
    ],
)
def test_an_answer_that_is_not_of_the_output_is_refused(answer, output, problem):
    with pytest.raises(WorkbenchError, match=problem):
        host_that_answers(answer, output=output)


def test_output_of_a_host_is_the_declared_one():
    row = torch.zeros(1, 2)
    assert host_that_answers(row).output == ClassOutput(None)
    assert host_that_answers(row, classes=["a", "b"]).output == ClassOutput(("a", "b"))
    assert host_that_answers({}, has_output=False).output == NoOutput()
    assert host_that_answers(row, output=EmbeddingOutput()).output == EmbeddingOutput()


@pytest.mark.parametrize("also", [{"classes": ["a", "b"]}, {"has_output": False}])
def test_output_that_contradicts_classes_or_has_output_is_refused(also):
    with pytest.raises(WorkbenchError, match="either output or classes and has_output"):
        host_that_answers(torch.zeros(1, 2), output=EmbeddingOutput(), **also)


def test_host_that_ends_in_a_softmax_is_refused_unless_it_says_so():
    shares = torch.tensor([[0.7, 0.2, 0.1]])
    with pytest.raises(WorkbenchError, match=r"gives probabilities.*probabilities=True"):
        host_that_answers(shares)
    declared = ClassOutput(("a", "b", "c"), probabilities=True)
    assert host_that_answers(shares, output=declared).output == declared
    with pytest.raises(WorkbenchError, match="do not sum to 1"):
        host_that_answers(torch.tensor([[0.7, 2.0, 0.1]]), output=declared)


# ---- through evaluation


@pytest.fixture(scope="module")
def run():
    return planted_run(5, 4)


def test_embedding_host_is_evaluated_by_its_distance(run):
    """The planted network's logits, taken as an embedding."""
    host = replace(run.host, output=EmbeddingOutput())
    with_classes = evaluate(run.host, [run.splices], run.pictures)
    statistics = evaluate(host, [run.splices], run.pictures)
    assert statistics.quantities == EmbeddingOutput.quantities
    assert statistics.labelled == 0
    for name, rows in statistics.rows.items():
        assert not {"kl", "agreement", "top1", "top5"} & set(rows)
        assert rows.keys() >= {"distance", "consumer", "changed", "moments", "sample"}
        assert (rows["consumer"] == with_classes.rows[name]["consumer"]).all()
    assert statistics.rows["natural"]["distance"].tolist() == [0.0] * 5
    assert (statistics.rows["ablated.zero"]["distance"] > 1e-3).all()
    share = recovered(statistics, "spliced", "ablated.zero", "distance").value
    assert share == pytest.approx(1, abs=1e-3)  # the theory is what was planted
    assert recovered(statistics, "control.permuted", "ablated.zero", "distance").value < 0.9
    assert recovered(statistics, "spliced", "ablated.zero", "kl").value is None
    assert np.isnan(distance(statistics, "spliced", "top1")).all()


def test_host_without_output_is_evaluated_with_nan_in_every_quantity(run):
    host = replace(run.host, output=NoOutput())
    statistics = evaluate(host, [run.splices], run.pictures)
    assert statistics.labelled == 0
    for rows in statistics.rows.values():
        for quantity in ("kl", "agreement", "top1", "top5"):
            assert np.isnan(rows[quantity]).all()
            assert rows[quantity].shape == (5,)
    assert statistics.rows["spliced"]["consumer"].max() < FLOAT32
    assert recovered(statistics, "spliced", "ablated.zero", "consumer").value > 0.99
    assert recovered(statistics, "spliced", "ablated.zero", "kl").value is None


def test_softmax_host_that_nobody_checked_is_refused_on_its_first_batch(run):
    network = nn.Sequential()
    for name, stage in run.host.network.named_children():
        network.add_module(name, stage)
    network.add_module("softmax", nn.Softmax(1))
    host = replace(run.host, network=network)
    with pytest.raises(WorkbenchError, match="host planted: the network gives probabilities"):
        evaluate(host, [run.splices], run.pictures)
    declared = replace(host, output=ClassOutput(run.host.classes, probabilities=True))
    logits = evaluate(run.host, [run.splices], run.pictures)
    for name, rows in evaluate(declared, [run.splices], run.pictures).rows.items():
        assert rows["kl"] == pytest.approx(logits.rows[name]["kl"], abs=FLOAT32), name


def test_class_host_is_evaluated_with_labels(run):
    assert run.host.output == ClassOutput(tuple(f"n{i:08d}" for i in range(CLASSES)))
    assert evaluate(run.host, [run.splices], run.pictures).labelled == 5
