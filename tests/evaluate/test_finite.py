"""Numbers that are not finite are refused and name their pictures; copies are one item."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.planted import CLASSES, SITE, Run, planted_run
from workbench.cache import GIB, Cache
from workbench.errors import WorkbenchError
from workbench.evaluate.batches import Streaming, streamed
from workbench.evaluate.calibration import calibrated, stream_inputs
from workbench.evaluate.finite import refuse_inputs
from workbench.evaluate.run import evaluate
from workbench.evaluate.statistics import share_changed
from workbench.hosts import ClassOutput, EmbeddingOutput, Host, NoOutput
from workbench.splice.conditions import Handwritten
from workbench.work import Work

FLOAT32 = 2e-4
COUNT = 4
BROKEN = 2  # the picture that a network breaks on
NAMES = ("natural", "ablated.zero", "spliced")
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def run() -> Run:
    """With few conditions, so that it is quick."""
    run = planted_run(COUNT, 3)
    conditions = {name: run.splices.conditions[name] for name in NAMES}
    return run._replace(splices=replace(run.splices, conditions=conditions))


class Then(nn.Module):
    """A stage that computes a function."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def with_stage(host: Host, function: Callable[[Tensor], Tensor], before: str = "") -> Host:
    """The host with one more stage at the end, or before a stage of that name."""
    network = nn.Sequential()
    for name, stage in host.network.named_children():
        if name == before:
            network.add_module("then", Then(function))
        network.add_module(name, stage)
    if not before:
        network.add_module("then", Then(function))
    return replace(host, network=network, fingerprint=f"{id(function)}")


def breaking_on(run: Run, value: float) -> Callable[[Tensor], Tensor]:
    """Puts `value` into the natural logits of the picture BROKEN."""
    with torch.no_grad():
        natural = run.host.network(run.host.input.batch([run.pictures[BROKEN]]))

    def put(logits: Tensor) -> Tensor:
        mine = ((logits - natural).abs() < FLOAT32).all(1)
        return torch.where(mine[:, None] & (torch.arange(CLASSES) == 1), value, logits)

    return put


def problem_of(host: Host, run: Run, **how) -> str:
    with pytest.raises(WorkbenchError) as caught:
        evaluate(host, [run.splices], run.pictures, **how)
    return str(caught.value)


# ---- answers


@pytest.mark.parametrize("value", [NAN, INF])
@pytest.mark.parametrize("output", [ClassOutput(), EmbeddingOutput()], ids=["classes", "embedding"])
def test_evaluate_answer_that_is_not_finite_is_refused_with_its_picture(run, output, value):
    host = replace(with_stage(run.host, breaking_on(run, value)), output=output)
    problem = problem_of(host, run)
    assert f"1 of a batch of {COUNT} pictures ({run.pictures[BROKEN].name})" in problem
    assert "finite" in problem
    assert "natural" in problem


def test_evaluate_answer_that_is_not_finite_is_refused_on_its_batch_also_with_a_cache(
    run, tmp_path
):
    shown = []
    work = Work(cache=Cache(tmp_path, GIB), stage=lambda name, total: shown.append)
    host = with_stage(run.host, breaking_on(run, NAN))
    for _ in range(2):  # the second run finds what the first has kept
        problem = problem_of(host, run, work=work, size=1)
        assert run.pictures[BROKEN].name in problem
    assert shown == [1] * BROKEN * 2


def test_evaluate_answers_that_overflow_in_half_precision_are_refused(run):
    def halved(logits: Tensor) -> Tensor:
        return (logits * 1e5).half()

    assert "the class distribution is not finite" in problem_of(with_stage(run.host, halved), run)


def test_evaluate_class_that_is_ruled_out_everywhere_changes_no_kl_of_the_others(run):
    mask = torch.where(torch.arange(CLASSES) == 3, -INF, 0.0)
    masked = evaluate(with_stage(run.host, lambda x: x + mask), [run.splices], run.pictures)
    others = [c for c in range(CLASSES) if c != 3]
    without = replace(with_stage(run.host, lambda x: x[:, others]), output=ClassOutput())
    for name, rows in evaluate(without, [run.splices], run.pictures).rows.items():
        assert masked.rows[name]["kl"] == pytest.approx(rows["kl"], abs=1e-12), name
    assert masked.rows["spliced"]["kl"].max() < masked.rows["ablated.zero"]["kl"].min()


def test_evaluate_class_that_only_a_condition_rules_out_is_refused(run):
    """Only natural logits of BROKEN keep a class that every condition rules out there."""
    put = breaking_on(run, 0.0)

    def ruled_out(logits: Tensor) -> Tensor:
        mask = torch.where(torch.arange(CLASSES) == 1, -INF, 0.0)
        kept = put(logits)
        return torch.where((kept != logits).any(1)[:, None], kept, logits + mask)

    problem = problem_of(with_stage(run.host, ruled_out), run)
    assert run.pictures[BROKEN].name in problem
    assert "probability 0 that the network's own answer gives it" in problem


# ---- activations


def test_evaluate_handwritten_unit_that_is_nan_is_refused_with_its_condition(run):
    condition = run.splices.conditions["spliced"]
    assert isinstance(condition, Handwritten)
    gain = condition.gain.clone()
    gain[2] = NAN
    conditions = dict(run.splices.conditions) | {"spliced": replace(condition, gain=gain)}
    with pytest.raises(WorkbenchError, match=rf"activation of unit {SITE}:4 .*under spliced"):
        evaluate(run.host, [replace(run.splices, conditions=conditions)], run.pictures)


@pytest.mark.parametrize("output", [ClassOutput(), NoOutput()], ids=["classes", "no output"])
def test_evaluate_activation_at_the_next_site_that_is_infinite_is_refused(run, output):
    def overflow(x: Tensor) -> Tensor:
        return torch.where(x > 0, INF, x)

    host = replace(with_stage(run.host, overflow, before="consumers"), output=output)
    assert "not finite" in problem_of(host, run)


def test_share_changed_is_nan_where_the_site_is_zero_and_infinite_where_it_is_not_finite():
    natural = np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 0.0], [NAN, 1.0], [1.0, 1.0], [INF, 0.0]])
    reached = np.array([[2.0, 1.0], [0.0, 0.0], [3.0, 0.0], [1.0, 1.0], [NAN, 1.0], [1.0, 0.0]])
    with np.errstate(invalid="ignore"):
        share = share_changed((reached - natural)[:, :, None], (natural**2).sum(1))
    assert share.tolist() == pytest.approx([0.25, NAN, NAN, INF, INF, INF], nan_ok=True)


def test_streamed_sums_that_are_nan_are_refused_whatever_the_quantity(run):
    def rows_of(few):
        return {"0/matched": np.full((len(few), 2, 6), NAN)}

    with pytest.raises(WorkbenchError, match="activation of unit 0 is not finite"):
        streamed(run.pictures, rows_of, Streaming(summed=lambda quantity: True))


# ---- calibration


def test_calibrated_activation_that_is_nan_is_refused_with_its_picture(run):
    def second(x: Tensor) -> Tensor:
        return x * torch.where(torch.arange(len(x)) == 1, NAN, 1.0)[:, None, None, None]

    host = with_stage(run.host, second, before=SITE)
    name = run.calibration[1].name
    with pytest.raises(WorkbenchError, match=rf"1 of a batch of 3 .*{name}.*units at {SITE}"):
        calibrated(host, run.splices.circuits["spliced"], run.calibration)


def test_refuse_inputs_sum_beyond_half_precision_is_no_overflow(run):
    inputs = next(iter(stream_inputs(run.host, run.splices.circuits, run.calibration)))
    high = replace(inputs, trained=torch.full_like(inputs.trained, 6e4).half())
    refuse_inputs(run.calibration, high)
    with pytest.raises(WorkbenchError, match=f"3 of a batch of 3 .*units at {SITE} is not finite"):
        refuse_inputs(run.calibration, replace(high, trained=high.trained * 2))


# ---- copies


def test_statistics_items_are_none_without_copies_and_by_content_with_them(run):
    statistics = evaluate(run.host, [run.splices], run.pictures[:2])
    assert statistics.items is None
    copy = replace(run.pictures[0], name="again", label=None)
    again = evaluate(run.host, [run.splices], [*run.pictures[:2], copy])
    assert again.items is not None
    assert again.items.tolist() == [0, 1, 0]
    moments = again.rows["spliced"]["moments"]
    assert len(moments) == 2
    expected = statistics.rows["spliced"]["moments"] * np.array([2, 1])[:, None, None]
    np.testing.assert_allclose(moments, expected, rtol=FLOAT32)
    assert len(again.rows["spliced"]["kl"]) == 3
