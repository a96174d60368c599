"""Prompts as input, and logits at scored places against a naive loop."""

import math
import re
from typing import NamedTuple

import numpy as np
import pytest
import torch

from tests.libraries import LIBRARIES, plain
from workbench.arrays import device
from workbench.errors import WorkbenchError
from workbench.hosts import TokenInput, TokenOutput
from workbench.hosts.output import NO_TARGET
from workbench.hosts.temperature import HOTTEST, matching_temperature, unsure_temperature

EXACT = 1e-11  # float64 on both sides, sums in another order
ITEMS, PLACES, VOCABULARY = 5, 4, 6
TEMPERATURE = 3.0
OUTPUT = TokenOutput(VOCABULARY, temperature=TEMPERATURE)
NATS = 1e-6  # of an entropy, at a temperature found to float64's rounding


class Item(NamedTuple):
    tokens: tuple[int, ...]
    targets: tuple[int, ...] = ()
    name: str = "a prompt"


def logits(seed: int) -> np.ndarray:
    shape = (ITEMS, PLACES, VOCABULARY)
    return 3 * np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def targets() -> np.ndarray:
    """The first item has no scored place, the second one, the others several."""
    target = np.random.default_rng(5).integers(VOCABULARY, size=(ITEMS, PLACES))
    target[0], target[1, 1:], target[2, 2] = NO_TARGET, NO_TARGET, NO_TARGET
    return target


def log_softmax(row: list[float]) -> list[float]:
    total = math.log(sum(math.exp(x - max(row)) for x in row)) + max(row)
    return [x - total for x in row]


def kl(p: list[float], q: list[float]) -> float:
    p, q = log_softmax(p), log_softmax(q)
    return sum(math.exp(a) * (a - b) for a, b in zip(p, q, strict=True))


def naive(natural: np.ndarray, answer: np.ndarray, target: np.ndarray) -> dict[str, float]:
    rows: dict[str, list[float]] = {name: [] for name in ("kl", "agreement", "soft", "loss", "hit")}
    error = size = 0.0
    for p, q, t in zip(natural.tolist(), answer.tolist(), target.tolist(), strict=True):
        if t == NO_TARGET:
            continue
        rows["kl"].append(kl(p, q))
        rows["agreement"].append(float(p.index(max(p)) == q.index(max(q))))
        rows["soft"].append(kl([x / TEMPERATURE for x in p], [x / TEMPERATURE for x in q]))
        rows["loss"].append(-log_softmax(q)[t])
        rows["hit"].append(float(q.index(max(q)) == t))
        p, q = (np.array(x) - np.mean(x) for x in (p, q))
        error, size = error + ((p - q) ** 2).sum(), size + (p**2).sum()
    mean = {name: float(np.mean(row)) if row else math.nan for name, row in rows.items()}
    return {
        "kl": mean["kl"],
        "agreement": mean["agreement"],
        "logit_r2": 1 - error / size if size else math.nan,
        "soft_kl": mean["soft"],
        "fitted_soft_kl": math.nan,  # no temperature is fitted
        "loss": mean["loss"],
        "accuracy": mean["hit"],
    }


@pytest.mark.parametrize("library", LIBRARIES)
def test_statistics_in_any_library_are_those_of_a_naive_loop(library):
    natural, answer, target = logits(0), logits(1), targets()
    answer[3] = natural[3]
    rows = OUTPUT.statistics(library(natural), library(answer), library(target))
    expected = [
        naive(*row) for row in zip(natural.astype(float), answer.astype(float), target, strict=True)
    ]
    assert list(rows) == [quantity.name for quantity in OUTPUT.quantities]
    like = library(np.zeros(()))
    for name, row in rows.items():
        assert (type(row), device(row)) == (type(like), device(like)), name
        assert plain(row).dtype == np.float64
        np.testing.assert_allclose(
            plain(row), [each[name] for each in expected], atol=EXACT, rtol=0, err_msg=name
        )


def test_what_is_not_scored_counts_for_nothing():
    natural, answer, target = logits(0), logits(1), targets()
    rows = OUTPUT.statistics(natural, answer, target)
    answer[target == NO_TARGET] = 1e6
    again = OUTPUT.statistics(natural, answer, target)
    for name, row in rows.items():
        np.testing.assert_array_equal(again[name], row, err_msg=name)


def test_the_natural_answer_is_at_no_distance():
    rows = OUTPUT.statistics(logits(0), logits(0), targets())
    assert rows["kl"][1:].tolist() == rows["soft_kl"][1:].tolist() == [0.0] * (ITEMS - 1)
    assert rows["agreement"][1:].tolist() == rows["logit_r2"][1:].tolist() == [1.0] * (ITEMS - 1)


@pytest.mark.parametrize(
    ("quantity", "low"),
    [("agreement", 0.0), ("accuracy", 0.0), ("logit_r2", -1.0)],
)
def test_a_wrong_answer_scores_low(quantity, low):
    """Answers in which every token takes the next one's logit."""
    target = targets()
    natural = np.full((ITEMS, PLACES, VOCABULARY), -1.0)
    np.put_along_axis(natural, np.maximum(target, 0)[..., None], 8.0, axis=2)
    wrong = np.roll(natural, 1, axis=2)
    right, rows = (OUTPUT.statistics(natural, each, target) for each in (natural, wrong))
    assert right[quantity][1:].min() == 1.0
    assert rows[quantity][1:].max() <= low + 0.2
    assert rows["kl"][1:].min() > 5 > 5e-2 > right["loss"][1:].max()
    assert rows["loss"][1:].min() > 5
    assert rows["soft_kl"][1:].min() > 1


def test_a_solution_by_other_means_is_told_from_a_reconstruction():
    """Both are sure of the same tokens; the other tokens rank in another order."""
    target = targets()
    natural = logits(0).astype(float)
    np.put_along_axis(natural, np.maximum(target, 0)[..., None], 40.0, axis=2)
    other = logits(1).astype(float)
    np.put_along_axis(other, np.maximum(target, 0)[..., None], 40.0, axis=2)
    output = OUTPUT.fitted(torch.from_numpy(natural), target)
    rows = output.statistics(natural, other, target)
    assert rows["kl"][1:].max() < 1e-10
    assert rows["accuracy"][1:].min() == rows["agreement"][1:].min() == 1
    assert rows["soft_kl"][1:].min() > 1e-3
    assert rows["logit_r2"][1:].max() < 0.99


def test_a_loss_is_compared_by_its_rise():
    facts = {quantity.name: quantity for quantity in OUTPUT.quantities}
    assert [name for name, each in facts.items() if each.task] == ["loss", "accuracy"]
    assert [name for name, each in facts.items() if each.needs_target] == ["loss", "accuracy"]
    assert OUTPUT.headline is facts["kl"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_not_finite_are_shown(value):
    answer = logits(1)
    answer[2, 0, 3] = value
    rows = OUTPUT.statistics(logits(0), answer, targets())
    assert rows["kl"][2] == rows["loss"][2] == np.inf
    assert np.isnan(rows["agreement"][2])
    assert np.isfinite(rows["kl"][3:]).all()


# ---- temperature


@pytest.mark.parametrize(("tokens", "wanted"), [(6, math.log(6) / 2), (512, 2.0)])
def test_the_temperature_gives_the_mean_entropy(tokens, wanted):
    generator = torch.Generator().manual_seed(0)
    natural = 7 * torch.randn(50, tokens, generator=generator)
    logp = torch.log_softmax(natural.double() / unsure_temperature(natural), -1)
    assert float(-(logp.exp() * logp).sum(-1).mean()) == pytest.approx(wanted, abs=NATS)


def test_the_temperature_is_of_scored_places_alone():
    natural, target = torch.from_numpy(logits(0)), targets()
    fitted = OUTPUT.fitted(natural, target)
    natural[torch.from_numpy(target == NO_TARGET)] = 1e5
    assert OUTPUT.fitted(natural, target) == fitted
    assert fitted.temperature == pytest.approx(unsure_temperature(natural[target != NO_TARGET]))


@pytest.mark.parametrize(
    "natural", [torch.zeros(3, 5), torch.zeros(0, 5), torch.full((2, 3), float("inf"))]
)
def test_without_logits_that_differ_there_is_no_temperature(natural):
    with pytest.raises(WorkbenchError, match="temperature: there are no logits that differ"):
        unsure_temperature(natural)


def test_scaled_logits_are_at_no_distance_at_their_fitted_temperature():
    natural, target = logits(0), targets()
    at = matching_temperature(
        *(torch.from_numpy(factor * natural[target != NO_TARGET]) for factor in (1, 3)), TEMPERATURE
    )
    assert at == pytest.approx(3 * TEMPERATURE, rel=1e-6)
    rows = OUTPUT.against(natural, target).rows(3 * natural, at)
    assert rows["fitted_soft_kl"][1:].max() < 1e-9
    assert rows["soft_kl"][1:].min() > 0.05


def test_shuffled_logits_are_far_at_their_fitted_temperature():
    natural, target = logits(0), targets()
    shuffled = np.roll(natural, 1, axis=2)
    scored = [torch.from_numpy(row[target != NO_TARGET]) for row in (natural, shuffled)]
    at = matching_temperature(*scored, TEMPERATURE)
    rows = OUTPUT.against(natural, target).rows(shuffled, at)
    uniform = OUTPUT.against(natural, target).rows(0 * natural)
    assert rows["fitted_soft_kl"][1:].mean() > 0.8 * uniform["soft_kl"][1:].mean() > 0.1


@pytest.mark.parametrize("factor", [0.02, 0.5, 40.0])
def test_the_fitted_temperature_is_that_of_least_kl(factor):
    natural, other = (torch.from_numpy(logits(seed)).flatten(0, 1) for seed in (0, 1))
    answer = factor * (natural + other)
    soft = torch.log_softmax(natural.double() / TEMPERATURE, -1)

    def loss(at: float) -> float:
        return float((soft.exp() * (soft - torch.log_softmax(answer.double() / at, -1))).sum())

    best = matching_temperature(natural, answer, TEMPERATURE)
    assert loss(best) < min(loss(best * 1.01), loss(best / 1.01))


def test_logits_turned_round_fit_best_where_all_tokens_are_alike():
    natural = torch.from_numpy(logits(0)).flatten(0, 1)
    assert matching_temperature(natural, -natural, TEMPERATURE) == HOTTEST
    for answer in (torch.zeros_like(natural), natural * math.inf):
        assert math.isnan(matching_temperature(natural, answer, TEMPERATURE))


def test_without_a_temperature_soft_kl_is_not_known():
    rows = TokenOutput(VOCABULARY).statistics(logits(0), logits(1), targets())
    assert np.isnan(rows["soft_kl"]).all()
    assert np.isfinite(rows["kl"][1:]).all()


# ---- input and targets


def test_a_batch_has_the_tokens_in_order():
    tokens = TokenInput(6, 3)
    batch = tokens.batch([Item((0, 5, 2)), Item((1, 1, 1))])
    assert batch.dtype == torch.int64
    assert batch.tolist() == [[0, 5, 2], [1, 1, 1]]
    assert torch.equal(tokens.decode(tokens.encode(batch)), batch)
    assert tokens.batch([]).shape == (0, 3)
    assert tokens.example().tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            [Item((0, 6, 2), name="b")],
            r"prompts \(b\): token 6 is not of .* from 0 to 5",
        ),
        ([Item((0, -1, 2), name="b")], r"prompts \(b\): token -1 is not of the host's vocabulary"),
        (
            [Item((0, 1, 2)), Item((0, 1), name="b"), Item((0,) * 9, name="c")],
            r"prompts \(b, c\): 2 of 3 have 2 or 9 tokens; expected 3 tokens",
        ),
    ],
)
def test_prompts_that_do_not_fit_are_named(items, message):
    with pytest.raises(WorkbenchError, match=message):
        TokenInput(6, 3).batch(items)


def test_targets_are_a_row_for_each_item():
    items = [Item((0, 1), (NO_TARGET, 3)), Item((0, 1), (2, 5))]
    assert OUTPUT.targets(items).tolist() == [[NO_TARGET, 3], [2, 5]]
    assert TokenOutput(VOCABULARY, last=True).targets(items).tolist() == [[3], [5]]


@pytest.mark.parametrize("target", [VOCABULARY, -2])
def test_a_target_that_is_no_answer_is_named(target):
    items = [Item((0,), (1,)), Item((0,), (target,), "b")]
    message = rf"prompts \(b\): target {target} is not among the host's answers; expected 0 to 5"
    with pytest.raises(WorkbenchError, match=message):
        OUTPUT.targets(items)


@pytest.mark.parametrize(
    ("output", "answer", "message"),
    [
        (OUTPUT, torch.zeros(1, 3, 7), r"gives \(1, 3, 7\) for one item; .* 1 x places x 6"),
        (OUTPUT, torch.zeros(1, 6), r"gives \(1, 6\) for one item"),
        (OUTPUT, None, r"gives NoneType for one item"),
        (TokenOutput(6, last=True), torch.zeros(1, 3, 6), r"expected logits 1 x 1 x 6"),
    ],
)
def test_answers_of_another_shape_are_named(output, answer, message):
    (problem,) = output.problems(answer)
    assert re.search(message, problem)
    assert output.problems(torch.zeros(1, 1, 6)) == []
