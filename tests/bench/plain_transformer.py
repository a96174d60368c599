"""A transformer's attention as notebooks and TransformerLens write it: one einsum for each step."""

import copy
import math
from dataclasses import replace
from types import MethodType

import torch
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.hosts import Host
from workbench.hosts.transformer import Attention
from workbench.hosts.transformer_host import shape_of

SAME = 1e-3  # of the largest logit: float32, sums in another order before a sharp softmax


def plain(host: Host) -> Host:
    """A copy of the host with plain attention.

    Raises WorkbenchError for rotary positions, grouped keys and biases of attention, which are not
    written here, and where the copy gives other answers.
    """
    shape = shape_of(host)
    if shape.positions == "rotary" or shape.kv_heads != shape.heads or "attention" in shape.biases:
        raise WorkbenchError(
            f"host {host.name}", "its attention is not written plainly here", "another host"
        )
    network = copy.deepcopy(host.network)
    for module in network.modules():
        if isinstance(module, Attention):
            module.forward = MethodType(_forward, module)
    made = replace(host, network=network)
    example = host.input.example()
    answers, others = host.run(example)[0], made.run(example)[0]
    if float((answers - others).abs().max()) > SAME * float(answers.abs().max()):
        raise WorkbenchError(f"host {host.name}", "plain attention gives other answers")
    return made


def _forward(self: Attention, matched: Tensor, carried: Tensor, *_: object) -> Tensor:
    q = self.hook_q(torch.einsum("npd,hde->nphe", matched, self.W_Q))
    k = self.hook_k(torch.einsum("npd,hde->nphe", matched, self.W_K))
    v = self.hook_v(torch.einsum("npd,hde->nphe", carried, self.W_V))
    scores = torch.einsum("nqhe,nkhe->nhqk", q, k) / math.sqrt(self.shape.d_head)
    if self.shape.causal:
        later = torch.ones(scores.shape[2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, -torch.inf)
    pattern = self.hook_pattern(self.hook_attn_scores(scores).softmax(-1))
    z = self.hook_z(torch.einsum("nhqk,nkhe->nqhe", pattern, v))
    return torch.einsum("nphe,hed->npd", z, self.W_O)
