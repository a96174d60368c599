"""A condition's short run against a whole pass of the network with the same overrides."""

import pytest
import torch

from tests.hosts.naive_transformer import LLAMA
from workbench.hosts import TransformerShape, transformer_host
from workbench.hosts.output import NO_TARGET
from workbench.hosts.transformer import Transformer
from workbench.sequences.natural_run import at_places, natural_run
from workbench.sequences.overrides import UnitValues, plus, replaced_by
from workbench.sequences.prompts import Prompt
from workbench.sequences.short_run import answers_under, onward, seen_under
from workbench.sequences.sites import ANSWERS, pattern_site, post_site, v_site, z_site

TOKENS, CONTEXT, LENGTH, LAYERS, WIDTH, HEADS = 11, 14, 12, 2, 12, 4
PROMPTS, MOST_SCORED = 5, 4
FLOAT32 = 1e-4  # sums of a few dozen numbers, in another order
CHANGED = 10 * FLOAT32  # some answers differ by more where something was replaced
SHAPES = {
    "attention alone": {},
    "neurons and layer norm": {"d_mlp": 10, "mlp": "gelu", "norm": "layer"},
    "llama": {**LLAMA, "biases": ("attention",)},
    "positions of queries and keys": {"positions": "queries-and-keys", "norm": "layer"},
    "bert": {"d_mlp": 10, "mlp": "gelu", "norm": "layer", "norm_place": "after", "causal": False},
    "last place": {"d_mlp": 10, "mlp": "relu", "answer": "last-place"},
}


def host_of(options: dict):
    shape = TransformerShape(TOKENS, CONTEXT, LAYERS, WIDTH, HEADS, 6, **options)
    network = Transformer(shape)
    generator = torch.Generator().manual_seed(0)
    weights = {
        name: torch.randn(value.shape, generator=generator) * 0.4
        for name, value in network.state_dict().items()
    }
    return transformer_host("random", shape, weights, LENGTH)


def prompts_with(scored: list[int], last: bool) -> list[Prompt]:
    """Prompts of random tokens, each with so many scored places, the last one among them."""
    generator = torch.Generator().manual_seed(1)
    made = []
    for number, count in enumerate(scored):
        tokens = torch.randint(TOKENS, (LENGTH,), generator=generator).tolist()
        others = torch.randperm(LENGTH - 1, generator=generator)[: count - 1].tolist()
        at = {LENGTH - 1} if last else {LENGTH - 1, *others}
        targets = tuple(1 if place in at else NO_TARGET for place in range(LENGTH))
        made.append(Prompt(tuple(tokens), targets, f"prompt {number}"))
    return made


def ready(options: dict, scored: list[int] | None = None):
    host = host_of(options)
    last = options.get("answer") == "last-place"
    prompts = prompts_with(scored or [1, 2, 3, MOST_SCORED, MOST_SCORED], last)
    layers = range(LAYERS)
    sites = [site(layer) for layer in layers for site in (pattern_site, v_site, z_site)]
    if options.get("mlp"):
        sites += [post_site(layer) for layer in layers]
    return host, natural_run(host, prompts, sites)


def patterns(seed: int, heads: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(PROMPTS, heads, LENGTH, LENGTH, generator=generator).softmax(-1)


def overrides_of(host, run) -> dict:
    """Overrides of every kind that conditions make, by what they replace."""
    generator = torch.Generator().manual_seed(2)
    first, last = (pattern_site(layer) for layer in (0, LAYERS - 1))
    answers = torch.randn(run.answers.shape, generator=generator)
    two, one = UnitValues([1, 3], patterns(0, 2)), UnitValues([2], patterns(1, 1)[:1])
    mean = UnitValues([0, 2], run.seen[z_site(LAYERS - 1)].mean((0, 2))[[0, 2]][None, :, None])
    made = {
        "nothing": {},
        "first patterns": {first: two},
        "last patterns": {last: two},
        "a pattern for all prompts": {last: one},
        "both patterns": {first: two, last: one},
        "patterns and outputs of one layer": {first: two, z_site(0): mean},
        "last patterns and outputs": {last: two, z_site(LAYERS - 1): mean},
        "first patterns, last outputs": {first: two, z_site(LAYERS - 1): mean},
        "an opaque override of the last pattern": {last: lambda pattern: pattern.roll(1, 1)},
        "an opaque override of the last output": {z_site(LAYERS - 1): lambda z: z.roll(1, 1)},
        "answers alone": {ANSWERS: replaced_by(answers)},
        "outputs, and added answers": {z_site(LAYERS - 1): mean, ANSWERS: plus(answers)},
    }
    if post_site(LAYERS - 1) in run.seen:
        neurons = UnitValues([0, 4], run.seen[post_site(LAYERS - 1)][:, [4, 0]])
        made["neurons of the last layer"] = {post_site(LAYERS - 1): neurons}
        made["first patterns, silenced neurons"] = {
            first: two,
            post_site(LAYERS - 1): torch.zeros_like,
        }
    return made


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
def test_the_short_run_gives_the_answers_of_a_whole_pass(options):
    host, run = ready(options)
    natural = at_places(run.answers, run.scored)
    for name, overrides in overrides_of(host, run).items():
        whole = at_places(seen_under(host, run, overrides, ())[0], run.scored)
        short = at_places(answers_under(host, run, overrides), run.scored)
        assert torch.allclose(short, whole, atol=FLOAT32), name
        assert name == "nothing" or not torch.allclose(short, natural, atol=CHANGED), name


def test_the_last_layer_computes_the_scored_places_alone():
    host, run = ready({})
    assert run.scored_places.shape == (PROMPTS, MOST_SCORED)
    answers = answers_under(host, run, {pattern_site(0): UnitValues([1], patterns(0, 1))})
    computed = ~answers.isnan().all(-1)
    assert computed.sum(1).tolist() == [MOST_SCORED] * PROMPTS
    assert computed[run.scored].all()


def test_with_most_places_scored_all_are_computed():
    host, run = ready({}, [LENGTH, 3, 3, 3, 3])
    assert run.scored_places is None
    overrides = {pattern_site(0): UnitValues([1], patterns(0, 1))}
    assert torch.allclose(
        answers_under(host, run, overrides), seen_under(host, run, overrides, ())[0], atol=FLOAT32
    )


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
def test_a_recorded_pattern_of_the_last_layer_has_every_query(options):
    host, run = ready(options)
    site, overrides = pattern_site(LAYERS - 1), {pattern_site(0): UnitValues([1], patterns(0, 1))}
    answers, seen = onward(host, run, 0, [site], overrides)
    whole, expected = seen_under(host, run, overrides, [site])
    assert torch.allclose(seen[site], expected[site], atol=FLOAT32)
    short, wanted = (at_places(made, run.scored) for made in (answers, whole))
    assert torch.allclose(short, wanted, atol=FLOAT32)


def test_heads_of_shared_values_get_those_of_their_own():
    """Head 1 reads the first pair's values, and head 2 the second pair's."""
    host, run = ready(SHAPES["llama"])
    for head in (1, 2):
        overrides = {pattern_site(LAYERS - 1): UnitValues([head], patterns(3, 1))}
        other = {pattern_site(LAYERS - 1): UnitValues([3 - head], patterns(3, 1))}
        short, whole, wrong = (
            at_places(made, run.scored)
            for made in (
                answers_under(host, run, overrides),
                seen_under(host, run, overrides, ())[0],
                seen_under(host, run, other, ())[0],
            )
        )
        assert torch.allclose(short, whole, atol=FLOAT32)
        assert not torch.allclose(short, wrong, atol=CHANGED)
