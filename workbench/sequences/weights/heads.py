"""The result of every kind of compilation of heads, and the stream that heads read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.transformer import Block, Transformer
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.sites import stream_before
from workbench.sequences.weights.network import Weights

RIDGE = 1e-4  # of the mean variance of the stream


@dataclass(frozen=True)
class HeadRequest:
    """A family of heads that is compiled, and what it is fitted on.

    run      of calibration prompts
    carried  the trained patterns of the families that it reads
    """

    host: Host
    heads: WrittenHeads
    run: NaturalRun
    carried: Mapping[str, Float[Tensor, "n k place"]]
    seed: int = 0


@dataclass(frozen=True)
class HeadWeights:
    """A family of heads as weights.

    bound       how many numbers are read off the trained network's stream
    kept        the share of the rule's scores that they keep (`bilinear.kept_share`)
    form        in words
    calibrated  how many numbers stand in place of those of the rule
    fitted      what a compilation makes its controls from
    """

    weights: Weights
    bound: int
    kept: float
    form: str
    calibrated: int = 0
    fitted: Mapping[int, Any] = field(default_factory=dict)


def stream_of_heads(host: Host, layer: int, run: NaturalRun) -> Float[Tensor, "n place d"]:
    """The stream that the queries and keys of a layer read."""
    stream, network = stream_of_values(host, layer, run), cast(Transformer, host.network)
    if network.shape.positions == "queries-and-keys":
        stream = stream + network.pos_embed(run.tokens)
    return stream


def stream_of_values(host: Host, layer: int, run: NaturalRun) -> Float[Tensor, "n place d"]:
    """The stream that the values of a layer read."""
    site, seen = stream_before(layer), run.seen
    if site not in seen:
        _, seen = host.run(run.tokens, site)
    network = cast(Transformer, host.network)
    block, stream = cast(Block, network.blocks[layer]), seen[site].movedim(1, 2)
    return block.ln1(stream) if network.shape.norm_place == "before" else stream


def constant_direction(stream: Float[Tensor, "n place d"]) -> Float[Tensor, " d"]:
    """The direction that reads 1 from the stream.

    The first place is left out of the fit: many networks hold something else there.
    """
    rows = stream[:, 1:].flatten(0, 1).double()
    moments = rows.T @ rows / len(rows)
    moments += RIDGE * moments.diagonal().mean() * torch.eye(len(moments), dtype=moments.dtype)
    return torch.linalg.solve(moments, rows.mean(0)).float()
