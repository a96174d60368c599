"""The loop over prompts: ablated heads of a random transformer, with and without a cache."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from workbench.cache import Cache
from workbench.compiler.circuit import Grid, HandwrittenCircuit
from workbench.errors import WorkbenchError
from workbench.evaluate.batches import batch_name
from workbench.evaluate.run import evaluate
from workbench.hosts import Host, TransformerShape, transformer_host
from workbench.hosts.hooks import overridden
from workbench.hosts.output import NO_TARGET
from workbench.hosts.transformer import Transformer
from workbench.score.recovery import distance, recovered
from workbench.sequences.prompts import Prompt, repeated_strings
from workbench.splice.calibrate import Splices
from workbench.splice.conditions import Mean, natural, zero
from workbench.work import Work

SHAPE = TransformerShape(20, 24, 2, 12, 3, 4, d_mlp=8, mlp="relu")
PATTERN, NEURONS = "blocks.0.attn.hook_pattern", "blocks.1.mlp.hook_post"
Z = "blocks.1.attn.hook_z"
EXACT = 1e-6  # float32 logits of order one


@pytest.fixture(scope="module")
def host() -> Host:
    torch.manual_seed(0)
    return transformer_host("tiny", SHAPE, Transformer(SHAPE).state_dict(), 24)


def prompts(count: int = 20) -> list[Prompt]:
    return repeated_strings(20, 5, 3, 24, count, seed=0)


def splices(host: Host, site: str, units: tuple[int, ...]) -> Splices:
    """Conditions that need no handwritten drive."""
    circuit = HandwrittenCircuit("none", host.name, site, units, Grid(0, 0, 0, 0, 0), ())
    mean = Mean(torch.full((len(units),), 0.1), name="ablated.mean")
    conditions = {"natural": natural, "ablated.zero": zero, "ablated.mean": mean}
    return Splices({"spliced": circuit}, conditions, torch.ones(len(units)), 1)


@pytest.mark.parametrize(
    ("site", "units"), [(PATTERN, (0, 2)), (NEURONS, (1, 5, 6)), (Z, (1,)), ("hook_embed", (3,))]
)
def test_rows_are_those_of_the_ablated_network(host, site, units):
    items = prompts()
    statistics = evaluate(host, [splices(host, site, units)], items, size=7)
    x, target = host.input.batch(items), host.output.targets(items)

    def ablate(activation):
        ablated = activation.clone()
        ablated[:, list(units)] = 0
        return ablated

    with overridden(host, {site: ablate}):
        answer = host.run(x)[0]
    expected = host.output.statistics(host.run(x)[0].numpy(), answer.numpy(), target)
    rows = statistics.rows["ablated.zero"]
    for name in ("kl", "agreement", "logit_r2", "loss", "accuracy"):
        np.testing.assert_allclose(rows[name], expected[name], atol=EXACT, rtol=EXACT)
    assert rows["kl"].min() > 1e-4
    assert statistics.rows["natural"]["kl"].max() < 1e-9
    assert statistics.labelled == len(items)
    assert rows["moments"].shape == (len(items), len(units), 6)


def test_the_cache_gives_the_same_rows(host, tmp_path):
    work = Work(cache=Cache(tmp_path, 2**30))
    joint = [splices(host, PATTERN, (1,)), splices(host, NEURONS, (0, 3))]
    first, second, without = (
        evaluate(host, joint, prompts(), each) for each in (work, work, Work())
    )
    for condition, rows in without.rows.items():
        for quantity, row in rows.items():
            for other in (first, second):
                np.testing.assert_allclose(
                    other.rows[condition][quantity], row, atol=EXACT, rtol=EXACT
                )


def test_other_targets_of_the_same_tokens_are_another_batch(host):
    items = prompts(2)
    unscored = [replace(item, targets=(NO_TARGET,) * 24) for item in items]
    assert batch_name(items) != batch_name(unscored)
    statistics = evaluate(host, [splices(host, PATTERN, (1,))], unscored)
    assert np.isnan(statistics.rows["ablated.zero"]["kl"]).all()
    assert statistics.labelled == 0


def test_a_loss_is_recovered_by_its_rise_from_natural(host):
    statistics = evaluate(host, [splices(host, PATTERN, (0, 1, 2))], prompts())
    rows = {name: each["loss"] for name, each in statistics.rows.items()}
    rise = distance(statistics, "ablated.zero", "loss")
    np.testing.assert_array_equal(rise, rows["ablated.zero"] - rows["natural"])
    np.testing.assert_array_equal(distance(statistics, "natural", "loss"), np.zeros(20))
    share = recovered(statistics, "ablated.mean", "ablated.zero", "kl").value
    kl = {name: each["kl"].mean() for name, each in statistics.rows.items()}
    assert share == pytest.approx(1 - kl["ablated.mean"] / kl["ablated.zero"])


def test_prompts_of_another_vocabulary_are_named(host):
    others = repeated_strings(200, 5, 3, 24, 3, seed=0)
    with pytest.raises(WorkbenchError, match=r"prompts \(repeated-0-0.* from 0 to 19"):
        evaluate(host, [splices(host, PATTERN, (1,))], others)
