"""What every kind of compilation of heads gives, and the stream that heads read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor

from workbench.hosts.host import Host
from workbench.hosts.transformer import Block, Transformer
from workbench.sequences.compile import WrittenHeads
from workbench.sequences.splice import NaturalRun
from workbench.sequences.weights.network import Weights


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
    """What the queries and keys of a layer read."""
    site = f"blocks.{layer}.hook_resid_pre"
    _, seen = host.run(run.tokens, site)
    network = cast(Transformer, host.network)
    block, shape = cast(Block, network.blocks[layer]), network.shape
    stream = seen[site].movedim(1, 2)
    if shape.norm_place == "before":
        stream = block.ln1(stream)
    if shape.positions == "queries-and-keys":
        stream = stream + network.pos_embed(run.tokens)
    return stream
