"""Conditions on a transformer by TransformerLens: `run_with_hooks` on a twin of the host."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from workbench.hosts import Host
from workbench.hosts.transformer_host import shape_of
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.sites import ANSWERS, pattern_site
from workbench.sequences.splice import TokenCondition

FUNCTIONS = {
    "none": None,
    "relu": "relu",
    "gelu": "gelu",
    "gelu-tanh": "gelu_new",
    "swiglu": "silu",
}
NORMS = {"none": None, "layer": "LN", "rms": "RMS"}
POSITIONS = {"learned": "standard", "rotary": "rotary", "queries-and-keys": "shortformer"}


def lens_model(lens: Any, shape: TransformerShape) -> Any:
    """A HookedTransformer of that shape, with random weights."""
    rotary = shape.positions == "rotary"
    configured = lens.HookedTransformerConfig(
        n_layers=shape.layers,
        d_model=shape.d_model,
        n_ctx=shape.context,
        d_head=shape.d_head,
        n_heads=shape.heads,
        n_key_value_heads=shape.key_heads,
        d_mlp=shape.d_mlp or None,
        attn_only=shape.mlp == "none",
        gated_mlp=shape.mlp == "swiglu",
        act_fn=FUNCTIONS[shape.mlp],
        normalization_type=NORMS[shape.norm],
        eps=shape.norm_epsilon,
        positional_embedding_type=POSITIONS[shape.positions],
        rotary_dim=shape.d_head if rotary else None,
        rotary_adjacent_pairs=True,
        attention_dir="causal" if shape.causal else "bidirectional",
        d_vocab=shape.vocabulary,
        default_prepend_bos=False,
        device="cpu",
    )
    with warnings.catch_warnings():  # 3.9 announces that 4.0, which is not installed, lacks it
        warnings.filterwarnings("ignore", "HookedTransformer is deprecated", DeprecationWarning)
        return lens.HookedTransformer(configured)


def twin(lens: Any, host: Host) -> Any:
    """The host's weights in a HookedTransformer; biases that it lacks are 0."""
    model = lens_model(lens, shape_of(host))
    zeros = {
        name: torch.zeros_like(value) for name, value in model.state_dict().items() if ".b_" in name
    }
    model.load_state_dict(zeros | dict(host.network.state_dict()), strict=False)
    return model.eval()


def lens_passes(
    host: Host,
) -> Callable[[TokenCondition, NaturalRun], tuple[Tensor, Mapping[str, Tensor]]]:
    """One whole pass for each condition; raises ImportError without TransformerLens."""
    import transformer_lens

    if not hasattr(transformer_lens, "HookedTransformer"):
        raise ImportError("it has no HookedTransformer")
    twins: dict[str, Any] = {}
    patterns = [pattern_site(layer) for layer in range(shape_of(host).layers)]

    def passes(spliced: TokenCondition, run: NaturalRun) -> tuple[Tensor, Mapping[str, Tensor]]:
        network = spliced.network or host
        if network.fingerprint not in twins:
            twins[network.fingerprint] = twin(transformer_lens, network)
        seen: dict[str, Tensor] = {}
        overrides = dict(spliced.overrides(run))
        of_answers = overrides.pop(ANSWERS, None)

        def replacing(name: str) -> Callable:
            site = host.site(name)
            return lambda value, hook: site.as_computed(overrides[name](site.units_first(value)))

        def keeping(value: Tensor, hook: Any) -> None:
            seen[hook.name] = value

        hooks = [(name, replacing(name)) for name in overrides]
        hooks += [(name, keeping) for name in patterns if spliced.patterns]
        logits = twins[network.fingerprint].run_with_hooks(run.tokens, fwd_hooks=hooks)
        if of_answers is not None:
            site = host.site(ANSWERS)
            logits = site.as_computed(of_answers(site.units_first(logits)))
        return logits, seen

    return passes
