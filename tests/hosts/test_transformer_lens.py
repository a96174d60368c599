"""The transformer against TransformerLens itself: the same weights, names, axes and activations.

It runs where TransformerLens 2 is installed; the workbench does not need it.
"""

from dataclasses import replace

import pytest
import torch

from tests.bench.lens import lens_model
from tests.hosts.naive_transformer import LLAMA
from workbench.hosts import TransformerShape, transformer_host
from workbench.hosts.transformer import Transformer

SIZE = 0.4  # of random weights: activations of order one
FLOAT32 = 1e-4  # sums in another order
SHAPE = TransformerShape(11, 9, 2, 12, 4, 6)
GELU = {"d_mlp": 10, "norm": "layer"}
OPTIONS = {
    "attention alone": {},
    "relu": {"d_mlp": 10, "mlp": "relu", "biases": ("attention", "mlp", "answer")},
    "gelu": {**GELU, "mlp": "gelu", "biases": ("attention", "mlp", "answer")},
    "gelu of tanh": {**GELU, "mlp": "gelu-tanh"},
    "llama": LLAMA,
    "a gate with biases": {"d_mlp": 10, "mlp": "swiglu", "biases": ("mlp",)},
    "positions of queries and keys": {"positions": "queries-and-keys"},
    "both ways": {"causal": False},
}


@pytest.fixture(scope="module")
def lens():
    library = pytest.importorskip(
        "transformer_lens", reason="TransformerLens is not installed", exc_type=ImportError
    )
    if not hasattr(library, "HookedTransformer"):
        pytest.skip("this TransformerLens has no HookedTransformer")
    return library


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_answers_and_activations_are_those_of_transformer_lens(lens, options):
    shape = replace(SHAPE, **options)
    generator = torch.Generator().manual_seed(0)
    sizes = {name: value.shape for name, value in Transformer(shape).state_dict().items()}
    state = {name: SIZE * torch.randn(size, generator=generator) for name, size in sizes.items()}
    model = lens_model(lens, shape)
    theirs = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
    kept = [name for name in theirs if name.endswith(("mask", "IGNORE", "_sin", "_cos"))]
    given = {name: value for name, value in theirs.items() if name not in kept}
    for name, value in state.items():
        grouped = name.replace(".W_K", "._W_K").replace(".W_V", "._W_V")
        given[name if name in theirs else grouped] = value
    assert set(given) <= set(theirs)
    model.load_state_dict(given, strict=False)
    tokens = torch.randint(shape.vocabulary, (3, 7), generator=generator)
    logits, cache = model.run_with_cache(tokens)
    host = transformer_host("tiny", shape, state, 7)
    answer, seen = host.run(tokens, *host.sites)
    torch.testing.assert_close(answer, logits, rtol=FLOAT32, atol=FLOAT32)
    seen.pop("unembed")  # the answer, which has no hook there
    for site, activation in seen.items():
        value = host.site(site).as_computed(activation)
        torch.testing.assert_close(value, cache[site], rtol=FLOAT32, atol=FLOAT32, msg=site)
