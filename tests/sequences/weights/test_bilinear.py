"""Bilinear forms of low rank against tables of scores of which the answer is known."""

import pytest
import torch

from workbench.sequences.rule import pattern
from workbench.sequences.weights.bilinear import (
    Bilinear,
    Scored,
    kept_share,
    nearest,
    towards_pattern,
)

PROMPTS, LENGTH, WIDTH, RANK = 60, 16, 8, 3
EXACT = 1e-3


def scored(rank: int = RANK, seed: int = 0) -> Scored:
    generator = torch.Generator().manual_seed(seed)
    stream = torch.randn(PROMPTS, LENGTH, WIDTH, generator=generator)
    left, right = (torch.randn(WIDTH, rank, generator=generator) for _ in range(2))
    form = Bilinear(left, right)
    constant = torch.randn(PROMPTS, LENGTH, 1, generator=generator)  # of a query: no attention
    seen = torch.ones(LENGTH, LENGTH, dtype=torch.bool).tril()
    counted = torch.ones(PROMPTS, LENGTH, dtype=torch.bool)
    return Scored(form.scores(stream) + constant, stream, seen, counted)


def kept(wanted: Scored, form: Bilinear) -> float:
    return kept_share(wanted.score, form.scores(wanted.stream), wanted.shares)


def entropy(wanted: Scored, form: Bilinear) -> float:
    aim = pattern(wanted.score[:, None], wanted.seen)[:, 0]
    score = form.scores(wanted.stream).masked_fill(~wanted.seen, -1e9)
    losses = -(aim * score.log_softmax(-1)).sum(-1) * wanted.counted
    return float(losses.sum() / wanted.counted.sum())


def test_a_table_of_a_low_rank_is_kept_whole():
    """Queries and keys of one place are the same stream, so the closed form is near, not exact."""
    wanted = scored()
    form = nearest(wanted, WIDTH)
    assert kept(wanted, form) > 0.9
    fitted = towards_pattern(wanted, form)
    overlap = torch.minimum(
        pattern(fitted.scores(wanted.stream)[:, None], wanted.seen),
        pattern(wanted.score[:, None], wanted.seen),
    ).sum(-1)
    assert overlap.mean() > 0.9


def test_a_smaller_rank_keeps_less():
    wanted = scored(rank=6)
    one, three, six = (kept(wanted, nearest(wanted, rank)) for rank in (1, 3, 6))
    assert one < three - 0.1 < six - 0.1
    assert one < 0.6 < 0.9 < six


def test_the_descent_comes_nearer_to_the_pattern():
    wanted = scored(rank=6)
    form = nearest(wanted, 2)
    assert entropy(wanted, towards_pattern(wanted, form)) < entropy(wanted, form)


def test_a_form_of_other_scores_keeps_little():
    wanted, other = scored(seed=0), scored(seed=1)
    assert kept(wanted, nearest(other, RANK)) < 0.2


def test_one_query_alone_needs_one_rank():
    wanted = scored(rank=4)
    stream = wanted.stream.clone()
    stream[:, -1] = stream[0, -1]
    counted = torch.zeros_like(wanted.counted)
    counted[:, -1] = True
    score = torch.randn(LENGTH, generator=torch.Generator().manual_seed(2)).expand(
        PROMPTS, LENGTH, LENGTH
    )
    assert nearest(Scored(score, stream, wanted.seen, counted), WIDTH).rank == 1


def test_a_constant_of_a_query_counts_for_nothing():
    wanted = scored()
    moved = Scored(wanted.score + 5.0, wanted.stream, wanted.seen, wanted.counted)
    left, right = nearest(wanted, RANK), nearest(moved, RANK)
    scores = [each.scores(wanted.stream) for each in (left, right)]
    assert torch.allclose(*scores, atol=EXACT)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_same_seed_gives_the_same_form(seed):
    wanted = scored()
    made = [towards_pattern(wanted, nearest(wanted, RANK), seed).left for _ in range(2)]
    assert torch.equal(*made)


def test_scores_that_do_not_vary_need_no_weights_and_are_kept_whole():
    wanted = scored()
    same = Scored(wanted.score * 0, wanted.stream, wanted.seen, wanted.counted)
    form = nearest(same, RANK)
    assert (form.rank, kept(same, form)) == (0, 1.0)
    assert towards_pattern(same, form) is form
    assert kept(wanted, form) == 0.0
