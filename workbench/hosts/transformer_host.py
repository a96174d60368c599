"""Hosts that are transformers: their sites, by TransformerLens' names, and prompts of any length.

Scores before the softmax (`attn.hook_attn_scores`) are no site, since a causal mask makes some of
them infinite. The module of that name can be hooked.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.hosts.frozen import state_fingerprint
from workbench.hosts.host import Host
from workbench.hosts.layout import Layout, Site
from workbench.hosts.output import EmbeddingOutput, Output
from workbench.hosts.sequence_layout import HeadPlaces, Pattern, Places
from workbench.hosts.tokens import TokenInput, TokenOutput
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_shape import TransformerShape

HEAD_AXIS, COMPONENT_AXIS = 2, 2  # of `n place head d_head`, and of `n place d`


def transformer_host(
    name: str,
    shape: TransformerShape,
    weights: Mapping[str, Tensor],
    length: int,
    source: str = "",
) -> Host:
    """A transformer of that shape and these weights, for prompts of `length` tokens.

    weights  state dict with TransformerLens' names (`Transformer`)

    Raises WorkbenchError for weights that are missing, of no use, of another size or not finite,
    and for a length beyond the context.
    """
    network = loaded(name, shape, weights)
    return Host(
        name=name,
        fingerprint=state_fingerprint(network),
        network=network,
        input=input_of(name, shape, length),
        sites=sites_of(shape, length),
        output=output_of(shape),
        source=source,
        reentrant=True,
    )


def at_length(host: Host, length: int) -> Host:
    """The same host for prompts of another length.

    Raises WorkbenchError for a length beyond the context and for a host that is no transformer.
    """
    shape = shape_of(host)
    return replace(host, input=input_of(host.name, shape, length), sites=sites_of(shape, length))


def shape_of(host: Host) -> TransformerShape:
    """The shape of the host's network; raises WorkbenchError if it is no `Transformer`."""
    if not isinstance(host.network, Transformer):
        raise WorkbenchError(
            f"host {host.name}",
            f"its network is a {type(host.network).__name__}",
            "a Transformer (workbench.hosts.transformer)",
        )
    return host.network.shape


def loaded(name: str, shape: TransformerShape, weights: Mapping[str, Tensor]) -> Transformer:
    """The frozen network with these weights; raises WorkbenchError as `transformer_host`."""
    network = Transformer(shape)
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    problems = [f"no {key}" for key in wanted if key not in weights]
    problems += [f"{key}, which its shape does not have" for key in weights if key not in wanted]
    for key, value in weights.items():
        if key in wanted and tuple(value.shape) != wanted[key]:
            problems.append(f"{key} of {tuple(value.shape)}; expected {wanted[key]}")
        elif not value.isfinite().all():
            problems.append(f"numbers that are not finite in {key}")
    if problems:
        more = f" and {len(problems) - 4} more" if len(problems) > 4 else ""
        raise WorkbenchError(
            f"host {name}",
            f"its weights have {'; '.join(problems[:4])}{more}",
            "the weights of a network of its shape",
            "Give the checkpoint of this network.",
        )
    network.load_state_dict({key: value.float() for key, value in weights.items()})
    network.requires_grad_(False)
    return network.eval()


def input_of(name: str, shape: TransformerShape, length: int) -> TokenInput:
    """The input for prompts of that length; raises WorkbenchError beyond the context."""
    if not 1 <= length <= shape.context:
        raise WorkbenchError(
            f"host {name}", f"prompts of {length} tokens", f"1 to {shape.context}, its context"
        )
    return TokenInput(shape.vocabulary, length)


def output_of(shape: TransformerShape) -> Output:
    """The answers of a transformer of that shape."""
    if shape.answer == "embedding":
        return EmbeddingOutput()
    return TokenOutput(shape.answers, last=shape.answer == "last-place")


def sites_of(shape: TransformerShape, length: int) -> dict[str, Site]:
    """Every activation that may be spliced, in the order in which the network computes them."""
    return {site.name: site for site in _sites(shape, length)}


def _sites(shape: TransformerShape, length: int) -> Iterator[Site]:
    def stream(name: str, units: int = shape.d_model, link: str = "identity") -> Site:
        return Site(name, name, units, Places(length), link, COMPONENT_AXIS)

    yield stream("hook_embed")
    if shape.positions != "rotary":
        yield stream("hook_pos_embed")
    for layer in range(shape.layers):
        block = f"blocks.{layer}."
        yield stream(f"{block}hook_resid_pre")
        yield from _head_sites(shape, length, f"{block}attn.")
        yield stream(f"{block}hook_attn_out")
        if shape.mlp != "none":
            yield stream(f"{block}hook_resid_mid")
            yield stream(f"{block}mlp.hook_pre", shape.d_mlp)
            if shape.mlp == "swiglu":
                yield stream(f"{block}mlp.hook_pre_linear", shape.d_mlp)
            link = "relu" if shape.mlp == "relu" else "identity"
            yield stream(f"{block}mlp.hook_post", shape.d_mlp, link)
            yield stream(f"{block}hook_mlp_out")
        yield stream(f"{block}hook_resid_post")
    if shape.answer != "embedding":
        answered = Places(1 if shape.answer == "last-place" else length)
        yield Site("unembed", "unembed", shape.answers, answered, "identity", COMPONENT_AXIS)


def _head_sites(shape: TransformerShape, length: int, attention: str) -> Iterator[Site]:
    def heads(name: str, count: int, layout: Layout, link: str, axis: int) -> Site:
        return Site(attention + name, attention + name, count, layout, link, axis)

    vectors, pattern = HeadPlaces(length, shape.d_head), Pattern(length, length)
    yield heads("hook_q", shape.heads, vectors, "identity", HEAD_AXIS)
    yield heads("hook_k", shape.kv_heads, vectors, "identity", HEAD_AXIS)
    yield heads("hook_v", shape.kv_heads, vectors, "identity", HEAD_AXIS)
    yield heads("hook_pattern", shape.heads, pattern, "softmax", 1)
    yield heads("hook_z", shape.heads, vectors, "identity", HEAD_AXIS)
