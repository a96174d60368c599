"""Calibration: the gains that a theory leaves to be fitted, on prompts declared for it.

A head's gains are those of least cross entropy to its own patterns, which is convex in them. The
gains of answers are those of least squares to the logits that the replaced part adds, centred over
the vocabulary, or those of least KL divergence from the network's answers, which is convex too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from workbench.sequences.compile import WrittenHeads
from workbench.sequences.rule import HIDDEN, features

RIDGE = 1e-4  # on the squared gains: two terms that are alike have one best pair of gains
ITERATIONS = 50
STEPS, CLOSE = 30, 1e-6  # of Newton's method: the most steps, and a step that is the last one
SHORTEST = 2.0**-10  # share of a Newton step: a shorter one is rounding
FEW = 4  # keys: a query that sees no more has little to choose, and is left out


def fitted_heads(
    heads: WrittenHeads,
    tokens: Int[Tensor, "n place"],
    trained: Float[Tensor, "n head q k"],
    carried: Mapping[str, Float[Tensor, "n k place"]],
    seen: Bool[Tensor, "q k"],
) -> WrittenHeads:
    """The heads with their calibrated gains fitted to the trained patterns of calibration prompts.

    Queries that see few keys have little to choose and are left out.
    """
    if not heads.calibrated:
        return heads
    terms = features(heads.terms, tokens, carried)
    gains = torch.zeros(len(heads.calibrated), heads.count)
    for head in range(heads.count):
        fixed = sum(
            heads.terms[i].gain[head] * terms[i]
            for i in range(len(terms))
            if i not in heads.calibrated
        )
        columns = [terms[i] for i in heads.calibrated]
        gains[:, head] = _least_cross_entropy(columns, fixed, trained[:, head], seen)
    with_gains = list(heads.terms)
    for row, i in enumerate(heads.calibrated):
        with_gains[i] = replace(heads.terms[i], gain=gains[row])
    return replace(heads, terms=tuple(with_gains))


def choosing(seen: Bool[Tensor, "q k"]) -> Bool[Tensor, " q"]:
    """The queries that see more than few keys; of short prompts those that see the most."""
    return seen.sum(1) > min(FEW, len(seen) - 1)


@torch.enable_grad()
def _least_cross_entropy(
    columns: Sequence[Float[Tensor, "n_or_1 q k"]],
    fixed: Tensor | int,
    trained: Float[Tensor, "n q k"],
    seen: Bool[Tensor, "q k"],
) -> Float[Tensor, " column"]:
    queries = choosing(seen)
    if all(len(column) == 1 for column in columns) and not torch.is_tensor(fixed):
        trained = trained.mean(0, keepdim=True)  # the cross entropy is linear in the patterns
    stacked = torch.stack(torch.broadcast_tensors(*columns), -1)[:, queries]
    base = fixed[:, queries] if torch.is_tensor(fixed) else 0.0
    wanted, hidden = trained[:, queries], ~seen[queries]
    gains = torch.zeros(len(columns), requires_grad=True)
    descent = torch.optim.LBFGS([gains], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        descent.zero_grad()
        score = (stacked @ gains + base).masked_fill(hidden, HIDDEN)
        log_share = score.log_softmax(-1).masked_fill(hidden, 0.0)
        loss = -(wanted * log_share).sum(-1).mean() + RIDGE * (gains**2).sum()
        loss.backward()
        return loss

    descent.step(closure)
    return gains.detach()


def least_squares(
    columns: Float[Tensor, "row token column"], added: Float[Tensor, "row token"]
) -> Float[Tensor, " column"]:
    """The gains of columns of logits whose sum is nearest to what the replaced part adds.

    Both are centred over the vocabulary, as a constant does not change an answer.
    """
    centred = columns - columns.mean(1, keepdim=True)
    wanted = added - added.mean(1, keepdim=True)
    flat = centred.flatten(0, 1).double()
    return torch.linalg.lstsq(flat, wanted.reshape(-1, 1).double()).solution[:, 0].float()


def answer_gains(
    columns: Float[Tensor, "row token column"],
    added: Float[Tensor, "row token"],
    natural: Float[Tensor, "row token"] | None = None,
) -> Float[Tensor, " column"]:
    """The gains of columns of logits in the place of what the trained part adds.

    natural  the network's answers, from which the answers with the columns have the least KL
             divergence; without them the gains are `least_squares`
    """
    gains = least_squares(columns, added)
    return gains if natural is None else _least_divergence(columns, natural - added, natural, gains)


def _least_divergence(
    columns: Float[Tensor, "row token column"],
    rest: Float[Tensor, "row token"],
    natural: Float[Tensor, "row token"],
    start: Float[Tensor, " column"],
) -> Float[Tensor, " column"]:
    """The gains of columns that are added to the rest of the logits, by Newton's method.

    A step that does not lessen the divergence is halved until it does.
    """
    x, rest, wanted = columns.double(), rest.double(), natural.double().softmax(-1)

    def loss(gains: Tensor) -> float:
        return -float((wanted * (rest + x @ gains).log_softmax(-1)).sum(-1).mean())

    gains = start.double()
    now = loss(gains)
    for _ in range(STEPS):
        given = (rest + x @ gains).softmax(-1)
        mean = torch.einsum("rt,rtc->rc", given, x)
        slope = (mean - torch.einsum("rt,rtc->rc", wanted, x)).mean(0)
        curvature = torch.einsum("rtc,rtd->cd", given[..., None] * x, x) - mean.T @ mean
        step = torch.linalg.lstsq(curvature / len(x), slope[:, None]).solution[:, 0]
        while (after := loss(gains - step)) > now and float(step.abs().max()) > CLOSE * SHORTEST:
            step = step / 2
        if after > now:
            break
        gains, now = gains - step, after
        if float(step.abs().max()) < CLOSE:
            break
    return gains.float()


def reading_directions(
    stream: Float[Tensor, "row d"], wanted: Float[Tensor, "row column"]
) -> tuple[Float[Tensor, "d column"], Float[Tensor, " column"]]:
    """Directions of a trained stream from which columns are read, and their constants.

    Least squares over the directions in which the stream varies (singular values above 1e-3 of
    the largest).
    """
    x, y = stream.double(), wanted.double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    solution = torch.linalg.pinv(x - x_mean, rtol=1e-3) @ (y - y_mean)
    return solution.float(), (y_mean - x_mean @ solution).float()
