"""The transformer against a naive one for each option, and its names against TransformerLens'."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from torch import nn

from tests.hosts import naive_transformer
from tests.hosts.naive_transformer import LLAMA
from workbench.cli import main
from workbench.errors import WorkbenchError
from workbench.hosts import (
    Host,
    Places,
    Site,
    TokenInput,
    TokenOutput,
    TransformerShape,
    at_length,
    host_from_module,
    named,
    store,
    transformer_host,
)
from workbench.hosts.declared import run_as_declared
from workbench.hosts.hooks import overridden
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_parts import Past

FLOAT64 = 1e-10  # both sides sum in float64, in another order
FLOAT32 = 1e-5  # sums of a few dozen numbers of order one
SIZE = 0.4  # of random weights: answers of order one, which float32 has to 1e-5
SHAPE = TransformerShape(11, 9, 2, 12, 4, 6)
OPTIONS = {
    "attention alone": {},
    "relu and biases": {"d_mlp": 10, "mlp": "relu", "biases": ("attention", "mlp", "answer")},
    "gelu and layer norm": {"d_mlp": 10, "mlp": "gelu", "norm": "layer"},
    "gelu of tanh": {"d_mlp": 10, "mlp": "gelu-tanh", "norm": "layer", "biases": ("mlp",)},
    "llama": {**LLAMA, "tied": True},
    "a gate with biases": {"d_mlp": 10, "mlp": "swiglu", "biases": ("mlp",)},
    "rotary of another base": {"positions": "rotary", "rotary_base": 100.0},
    "one head of keys": {"key_heads": 1, "biases": ("attention",)},
    "positions of queries and keys": {"positions": "queries-and-keys", "norm": "layer"},
    "bert": {
        "d_mlp": 10,
        "mlp": "gelu",
        "norm": "layer",
        "norm_place": "after",
        "norm_epsilon": 1e-2,
        "biases": ("attention", "mlp"),
        "causal": False,
        "answer": "embedding",
    },
    "rms after, attention alone": {"norm": "rms", "norm_place": "after"},
    "both ways": {"causal": False},
    "last place": {"answer": "last-place", "outputs": 7},
}
SHAPES = [pytest.param(replace(SHAPE, **options), id=name) for name, options in OPTIONS.items()]


def weights(shape: TransformerShape) -> dict[str, torch.Tensor]:
    """Random weights, biases and norms too."""
    generator = torch.Generator().manual_seed(0)
    state = Transformer(shape).state_dict()
    return {
        name: SIZE * torch.randn(value.shape, generator=generator) for name, value in state.items()
    }


def host(shape: TransformerShape, length: int = 7) -> Host:
    return transformer_host("tiny", shape, weights(shape), length)


def prompts(shape: TransformerShape, count: int = 3, length: int = 7) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(shape.vocabulary, (count, length), generator=generator)


@pytest.mark.parametrize("shape", SHAPES)
def test_answers_are_those_of_the_naive_network(shape):
    network = host(shape).network.double()
    tokens = prompts(shape)
    state = {name: value.double().numpy() for name, value in weights(shape).items()}
    answers = network(tokens).numpy()
    for row, answer in zip(tokens.tolist(), answers, strict=True):
        expected = naive_transformer.answer(row, shape, state)
        assert answer.shape == expected.shape
        assert abs(answer - expected).max() < FLOAT64 * max(1, abs(expected).max())


@pytest.mark.parametrize(
    "change",
    [
        {"positions": "queries-and-keys"},
        {"causal": False},
        {"norm": "rms", "norm_epsilon": 1e-2},
        {"mlp": "gelu"},
    ],
)
def test_every_option_changes_the_answer(change):
    """So that the comparison above can fail."""
    shape = replace(SHAPE, d_mlp=10, mlp="relu")
    other = replace(shape, **change)
    state = weights(other)
    plain = transformer_host("t", shape, {k: v for k, v in state.items() if "ln" not in k}, 7)
    changed = transformer_host("t", other, state, 7)
    tokens = prompts(shape)
    assert (plain.network(tokens) - changed.network(tokens)).abs().max() > 0.01


@pytest.mark.parametrize("shape", SHAPES)
def test_a_site_s_own_activation_spliced_back_changes_nothing(shape):
    tiny, tokens = host(shape), prompts(shape)
    answer, activations = run_as_declared(tiny, tokens, *tiny.sites)
    for site, activation in activations.items():
        again, _ = tiny.resume(tokens, site, activation)
        assert torch.equal(again, answer), site
    with overridden(tiny, dict.fromkeys(tiny.sites, lambda value: value)) as fired:
        assert torch.equal(tiny.run(tokens)[0], answer)
    assert set(fired.values()) == {1}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_site_changes_the_answer(shape):
    """A site whose replaced activation nothing reads would be spliced in vain."""
    tiny, tokens = host(shape), prompts(shape)
    answer, activations = tiny.run(tokens, *tiny.sites)
    for site, activation in activations.items():
        other, _ = tiny.resume(tokens, site, activation.roll(1, dims=0))
        unchanging = site == "hook_pos_embed"  # the same for every prompt
        assert torch.equal(other, answer) == unchanging, site


def test_units_lie_along_axis_1_of_what_is_read():
    tiny = host(replace(SHAPE, d_mlp=10, mlp="relu"))
    for site, activation in tiny.activations(prompts(SHAPE), *tiny.sites).items():
        facts = tiny.site(site)
        assert activation.shape == (3, facts.channels, *facts.layout.shape), site
    assert tiny.site("blocks.0.attn.hook_z").layout.shape == (7, 6)
    assert tiny.site("blocks.0.attn.hook_pattern").layout.shape == (7, 7)
    assert tiny.site("blocks.0.hook_resid_pre").layout.shape == (7,)


def test_patterns_are_shares_of_what_a_query_sees():
    tiny = host(SHAPE)
    pattern = tiny.activations(prompts(SHAPE), "blocks.1.attn.hook_pattern")
    rows = pattern["blocks.1.attn.hook_pattern"]
    torch.testing.assert_close(rows.sum(-1), torch.ones(3, 4, 7), rtol=0, atol=FLOAT32)
    assert rows.triu(1).abs().max() == 0


def test_sites_have_the_names_of_transformer_lens():
    """TransformerLens 2: tests/integration/test_cache_hook_names.py and components/."""
    names = [
        "hook_embed",
        "hook_pos_embed",
        "blocks.0.hook_resid_pre",
        "blocks.0.attn.hook_q",
        "blocks.0.attn.hook_k",
        "blocks.0.attn.hook_v",
        "blocks.0.attn.hook_pattern",
        "blocks.0.attn.hook_z",
        "blocks.0.hook_attn_out",
        "blocks.0.hook_resid_mid",
        "blocks.0.mlp.hook_pre",
        "blocks.0.mlp.hook_post",
        "blocks.0.hook_mlp_out",
        "blocks.0.hook_resid_post",
        "unembed",  # the logits: TransformerLens gives them as the answer
    ]
    tiny = host(replace(SHAPE, layers=1, d_mlp=10, mlp="relu"))
    assert list(tiny.sites) == names
    assert all(name == site.module for name, site in tiny.sites.items())
    assert tiny.network.get_submodule("blocks.0.attn.hook_attn_scores")
    links = {site.link: name for name, site in tiny.sites.items() if site.link != "identity"}
    assert links == {
        "softmax": "blocks.0.attn.hook_pattern",
        "relu": "blocks.0.mlp.hook_post",
    }


def test_weights_have_the_names_and_axes_of_transformer_lens():
    shape = replace(
        SHAPE, layers=1, d_mlp=10, mlp="relu", biases=("attention", "mlp", "answer"), norm="layer"
    )
    expected = {
        "embed.W_E": (11, 12),
        "pos_embed.W_pos": (9, 12),
        "blocks.0.ln1.w": (12,),
        "blocks.0.ln1.b": (12,),
        "blocks.0.attn.W_Q": (4, 12, 6),
        "blocks.0.attn.W_K": (4, 12, 6),
        "blocks.0.attn.W_V": (4, 12, 6),
        "blocks.0.attn.W_O": (4, 6, 12),
        "blocks.0.attn.b_Q": (4, 6),
        "blocks.0.attn.b_K": (4, 6),
        "blocks.0.attn.b_V": (4, 6),
        "blocks.0.attn.b_O": (12,),
        "blocks.0.ln2.w": (12,),
        "blocks.0.ln2.b": (12,),
        "blocks.0.mlp.W_in": (12, 10),
        "blocks.0.mlp.b_in": (10,),
        "blocks.0.mlp.W_out": (10, 12),
        "blocks.0.mlp.b_out": (12,),
        "ln_final.w": (12,),
        "ln_final.b": (12,),
        "unembed.W_U": (12, 11),
        "unembed.b_U": (11,),
    }
    given = {name: tuple(value.shape) for name, value in Transformer(shape).state_dict().items()}
    assert given == expected


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.values[0].causal])
def test_a_text_that_is_written_on_has_the_answers_of_the_whole(shape):
    network, tokens = host(shape).network, prompts(shape)
    past = [Past() for _ in network.blocks]
    parts = [
        network(tokens[:, :3], past),
        network(tokens[:, 3:4], past),
        network(tokens[:, 4:], past),
    ]
    whole = network(tokens)
    given = torch.cat(parts, 1) if shape.answer == "every-place" else parts[-1]
    torch.testing.assert_close(given, whole, rtol=FLOAT32, atol=FLOAT32 * float(whole.abs().max()))


def test_the_shape_is_among_the_host_s_facts():
    rotary = replace(SHAPE, positions="rotary")
    state = weights(rotary)
    hosts = [
        transformer_host("t", shape, state, 7)
        for shape in (rotary, replace(rotary, causal=False), replace(rotary, rotary_base=5.0))
    ]
    assert len({each.fingerprint for each in hosts}) == 1
    assert len({each.facts for each in hosts}) == 3


def test_a_host_takes_prompts_of_another_length():
    tiny, shorter = host(SHAPE, 7), at_length(host(SHAPE, 7), 4)
    tokens = prompts(SHAPE)
    answer, sites = run_as_declared(shorter, tokens[:, :4], *shorter.sites)
    torch.testing.assert_close(answer, tiny.run(tokens)[0][:, :4], rtol=0, atol=FLOAT32)
    assert sites["blocks.0.attn.hook_pattern"].shape == (3, 4, 4, 4)
    assert shorter.facts != tiny.facts


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "batch"}, r"norm 'batch'; expected one of none, layer, rms"),
        ({"positions": "none"}, r"positions 'none'; expected one of learned, queries-and-keys"),
        ({"biases": ("head",)}, r"biases of 'head'; expected of attention, mlp, answer"),
        ({"heads": 0}, r"heads 0; expected 1 or more"),
        ({"key_heads": 3}, r"4 heads read 3 heads of keys; expected a divisor"),
        ({"d_mlp": 4}, r"d_mlp 4 of an MLP 'none'"),
        ({"mlp": "relu"}, r"d_mlp 0 of an MLP 'relu'"),
        ({"positions": "rotary", "d_head": 5}, r"d_head 5; expected an even number"),
        ({"outputs": 12}, r"12 outputs of a vocabulary of 11"),
        ({"outputs": 3, "tied": True}, r"an unembedding that is tied and has fewer tokens"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(options, message):
    with pytest.raises(WorkbenchError, match=f"transformer's shape: {message}"):
        replace(SHAPE, **options)


def test_weights_of_another_network_are_refused_with_all_problems():
    state = weights(replace(SHAPE, d_head=8))
    del state["unembed.W_U"]
    state["blocks.2.attn.W_Q"] = torch.zeros(1)
    message = (
        r"host t: its weights have no unembed.W_U; blocks.2.attn.W_Q, which its shape does not "
        r"have; blocks.0.attn.W_Q of \(4, 12, 8\); expected \(4, 12, 6\); .* and \d more; "
        r"expected the weights of a network of its shape"
    )
    with pytest.raises(WorkbenchError, match=message):
        transformer_host("t", SHAPE, state, 7)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(number):
    state = weights(SHAPE)
    state["embed.W_E"][3, 2] = number
    message = "host t: its weights have numbers that are not finite in embed.W_E"
    with pytest.raises(WorkbenchError, match=message):
        transformer_host("t", SHAPE, state, 7)


@pytest.mark.parametrize("length", [0, 10])
def test_a_length_beyond_the_context_is_refused(length):
    message = f"host tiny: prompts of {length} tokens; expected 1 to 9, its context"
    with pytest.raises(WorkbenchError, match=message):
        host(SHAPE, length)
    with pytest.raises(WorkbenchError, match=message):
        at_length(host(SHAPE), length)


def test_a_site_that_is_not_there_is_refused_with_the_near_miss():
    with pytest.raises(WorkbenchError, match=r"no site 'blocks.0.attn.hook_pat'.*hook_pattern"):
        host(SHAPE).activations(prompts(SHAPE), "blocks.0.attn.hook_pat")


def test_a_host_of_pictures_has_no_other_length(tiny_host):
    with pytest.raises(WorkbenchError, match="its network is a Sequential; expected a Transformer"):
        at_length(tiny_host, 3)


# ---- a user's own


def test_the_documented_transformer_is_a_host(tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "transformers.md"
    code = re.search(r"```python\n(.*?)```", page.read_text(), re.DOTALL).group(1)
    (tmp_path / "my_transformer.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named, "TRUSTED", {"my_transformer.py:make_host"})
    shape = TransformerShape(
        50, 24, 2, 16, 2, 8, d_mlp=32, mlp="gelu", norm="layer", biases=("attention", "mlp")
    )
    safetensors.torch.save_file(weights(shape), "my_transformer.safetensors")
    mine = store.load("my_transformer.py:make_host")
    tokens = prompts(shape, 2, 24)
    answer, _ = run_as_declared(mine, tokens, *mine.sites)
    assert torch.equal(answer, host(shape, 24).run(tokens)[0])


def test_the_documented_module_over_tokens_is_a_host(tmp_path, monkeypatch):
    page = Path(__file__).parents[2] / "docs" / "transformers.md"
    _, code = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    (tmp_path / "my_module.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(main, ["hosts", "show", "my_module.py:make_host"])
    assert shown.exit_code == 0, shown.output
    assert "TokenInput(vocabulary=50, length=24)" in shown.output
    assert re.search(r"hidden +32 channels, 24 places, relu", shown.output)
    refused = CliRunner().invoke(main, ["survey", "my_module.py:make_host", "--family", "previous"])
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "its network is a Sequential; expected a Transformer" in refused.output


def test_any_module_over_tokens_is_a_host():
    """Units along the last axis; `host_from_module` checks them."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Embedding(11, 6), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 11))
    sites = {
        "embedded": Site("embedded", "0", 6, Places(7), "identity", axis=2),
        "hidden": Site("hidden", "2", 6, Places(7), axis=2),
    }
    given = TokenInput(11, 7)
    mine = host_from_module(module, "mine", sites, given, output=TokenOutput(11))
    tokens = prompts(SHAPE)
    answer, seen = run_as_declared(mine, tokens, *sites)
    assert torch.equal(answer, module(tokens))
    assert torch.equal(seen["hidden"], module[:3](tokens).movedim(2, 1))
    ablated, _ = mine.resume(tokens, "hidden", torch.zeros_like(seen["hidden"]))
    assert torch.equal(ablated, module[3](torch.zeros(3, 7, 6)))
    with pytest.raises(WorkbenchError, match=r"expected logits 1 x places x 12"):
        host_from_module(module, "mine", sites, given, output=TokenOutput(12))
