"""Training of small transformers, with checkpoints on the way: the same bytes for the same seed.

Training runs on one thread, so that sums round alike whatever the machine does beside it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_shape import TransformerShape
from workbench.progress import Progress


@dataclass(frozen=True)
class Batch:
    """Prompts to be trained on, or to be measured on.

    weight  how much a place counts in the loss; a place of weight 1 is scored, any other is not
    """

    tokens: Int[Tensor, "n place"]
    target: Int[Tensor, "n answered"]
    weight: Float[Tensor, "n answered"]


@dataclass(frozen=True)
class Training:
    """How a small network is trained.

    about         one sentence, for help and lists
    batch         the batch of a step, drawn with the generator
    held_out      prompts that checkpoints are measured on, by the seed of the training
    rate          of AdamW, with its `decay` of weights
    checkpoints   the steps after which the weights are kept, the last of them the end
    output_scale  multiplies the heads' output weights at the start
    """

    name: str
    about: str
    shape: TransformerShape
    length: int
    batch: Callable[[int, torch.Generator], Batch]
    held_out: Callable[[int], Batch]
    rate: float
    decay: float
    checkpoints: tuple[int, ...]
    output_scale: float = 1.0

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.checkpoints[-1]


@dataclass(frozen=True)
class Checkpoint:
    """The weights after a step, and the mean loss and accuracy at the scored places then."""

    step: int
    weights: dict[str, Tensor]
    loss: float
    accuracy: float


def trained(training: Training, seed: int, progress: Progress) -> Iterator[Checkpoint]:
    """Train from the beginning; each checkpoint as it comes.

    The seed decides the first weights and the batches. `progress` is called with each step.
    """
    generator = torch.Generator().manual_seed(seed)
    held_out = training.held_out(seed)
    with _one_thread(), torch.enable_grad():
        network = _first(training, seed)
        optimiser = torch.optim.AdamW(
            network.parameters(), training.rate, betas=(0.9, 0.98), weight_decay=training.decay
        )
        for step in range(training.steps + 1):
            if step in training.checkpoints:
                loss, accuracy = measured(network, held_out)
                yield Checkpoint(step, _copy(network), loss, accuracy)
                progress(0, f"step {step}: loss {loss:.3f}, accuracy {accuracy:.3f}")
            if step < training.steps:
                _step(network, optimiser, training.batch(seed, generator))
                progress(1)


def _first(training: Training, seed: int) -> Transformer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Transformer(training.shape)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            if name.endswith("attn.W_O"):
                weights.mul_(training.output_scale)
    return network


def _step(network: Transformer, optimiser: torch.optim.Optimizer, batch: Batch) -> None:
    losses = F.cross_entropy(network(batch.tokens).transpose(1, 2), batch.target, reduction="none")
    optimiser.zero_grad()
    ((losses * batch.weight).sum() / batch.weight.sum()).backward()
    optimiser.step()


@torch.no_grad()
def measured(network: Transformer, batch: Batch) -> tuple[float, float]:
    """Mean loss in nats and accuracy at the scored places."""
    scored = batch.weight == 1
    logits, target = network(batch.tokens)[scored], batch.target[scored]
    accuracy = (logits.argmax(-1) == target).double().mean()
    return float(F.cross_entropy(logits.double(), target)), float(accuracy)


def _copy(network: Transformer) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
