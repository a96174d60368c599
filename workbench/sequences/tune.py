"""Tuning of a theory of tokens: fits the numbers marked `{tune: ...}` within their bounds.

The loss is the KL divergence of the network's answers at the scored places: two thirds with all
families of heads handwritten together, and one third with each alone in the trained rest. So the
steps of a circuit are fitted to each other, and each to the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from workbench.errors import WorkbenchError
from workbench.files import set_sha256, write_whole
from workbench.hosts.host import Host
from workbench.hosts.tokens import TokenOutput
from workbench.hosts.transformer_host import shape_of
from workbench.report.svg import svg
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.compile import compile_tokens
from workbench.sequences.files import TokenSpec, token_theory_from_text
from workbench.sequences.fit_answers import divergence
from workbench.sequences.head_parts import calibrated_heads, sites_of_heads
from workbench.sequences.language import TokensTuned
from workbench.sequences.natural_run import NaturalRun, natural_run
from workbench.sequences.prompts import Prompt
from workbench.spec import source, with_tuned
from workbench.spec.number import numbers
from workbench.spec.problems import key_text
from workbench.tune.bounded import Bounded
from workbench.tune.descent import Descent
from workbench.tune.plot import draw_loss
from workbench.tune.result import FittedNumber
from workbench.work import Work

BATCH = 32
TOGETHER = 2 / 3  # of the loss: all families handwritten at once
RECORD = "\ntuned:"  # where the record of an earlier tuning begins


@dataclass(frozen=True)
class TokenTuneSettings:
    """Steps of gradient descent, the highest rate in the numbers' logits, and the seed."""

    steps: int = 100
    rate: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class TunedTokens:
    """A tuned theory as written: its file and plot, the loss before and after, and its numbers."""

    spec: Path
    plot: Path
    before: float
    after: float
    numbers: tuple[FittedNumber, ...]


def tuned_tokens(
    spec: TokenSpec,
    circuit: TokenCircuit,
    host: Host,
    prompts: Sequence[Prompt],
    output: Path,
    settings: TokenTuneSettings = TokenTuneSettings(),
    work: Work = Work(),  # noqa: B008
) -> TunedTokens:
    """Fit a theory to a network on prompts, and write it to `output` with a plot beside it.

    All text but the fitted numbers and the record stays as it was. Raises WorkbenchError for a
    theory that marks nothing to tune, and for a network whose answers are no logits.
    """
    before = {path: number for path, number in numbers(spec.theory) if number.tuned}
    if not before or not isinstance(host.output, TokenOutput):
        raise WorkbenchError(
            str(spec.path),
            "marks nothing to tune" if not before else f"{host.name} gives no logits",
            "numbers written {tune: 5, min: 3, max: 8}, and a network that answers with tokens",
        )
    _refuse_fitted_to_answers(spec)
    goal = _Goal.of(spec, circuit, host, prompts)
    bounded = Bounded(spec.theory)
    first = goal.loss(bounded)
    history = _descend(goal, bounded, settings, work)
    last = goal.loss(bounded)
    values = bounded.values()
    body = with_tuned(spec.text.partition(RECORD)[0].rstrip() + "\n", values)
    record = TokensTuned(
        host=host.name,
        circuit=circuit.sha256,
        prompts=prompts_sha256(prompts),
        count=len(prompts),
        seed=settings.seed,
        steps=settings.steps,
        rate=settings.rate,
        loss=(_rounded(first), _rounded(last)),
        written={key_text(path): number.tune for path, number in before.items()},
    )
    text = f"{body}\n{source.dumped({'tuned': record.model_dump(mode='json')})}\n"
    token_theory_from_text(text, str(output))
    plot = output.with_suffix(".tuning.svg")
    write_whole(plot, svg(draw_loss(history), "tuning"))
    write_whole(output, text)
    fitted = tuple(
        FittedNumber(key_text(path), number.tune, values[path], number.min, number.max)
        for path, number in before.items()
        if number.min is not None and number.max is not None
    )
    return TunedTokens(output, plot, first, last, fitted)


def _refuse_fitted_to_answers(spec: TokenSpec) -> None:
    for name, family in spec.theory.of_units("heads").items():
        if family.fitted_to_answers:
            raise WorkbenchError(
                f"{spec.path}: families.{name}.fitted_to",
                "answers, which would be fitted again at every step",
                "fitted_to: patterns while other numbers are tuned",
            )


def prompts_sha256(prompts: Sequence[Prompt]) -> str:
    """One SHA-256 for a set of prompts, whatever their order."""
    return set_sha256(prompt.sha256 for prompt in prompts)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _descend(
    goal: "_Goal", bounded: Bounded, settings: TokenTuneSettings, work: Work
) -> list[float]:
    descent = Descent([bounded.free], [], settings.rate, settings.steps, settings.seed)
    advance = work.stage("tune", settings.steps)
    while len(descent.history) < settings.steps:
        run = goal.batch(descent.generator)
        loss = goal.divergence(bounded, run)
        descent.step(loss, float(loss.detach()))
        advance(1, f"KL {descent.history[-1]:.3f}")
    return descent.history


@dataclass(frozen=True)
class _Goal:
    """A network on its tuning prompts, and the theory that is fitted to it."""

    spec: TokenSpec
    circuit: TokenCircuit
    host: Host
    run: NaturalRun

    @classmethod
    @torch.no_grad()
    def of(
        cls, spec: TokenSpec, circuit: TokenCircuit, host: Host, prompts: Sequence[Prompt]
    ) -> "_Goal":
        """Run the network on all the prompts once."""
        heads = compile_tokens(spec.theory, circuit, shape_of(host).answers).heads
        return cls(spec, circuit, host, natural_run(host, prompts, sites_of_heads(heads)))

    def batch(self, generator: torch.Generator) -> NaturalRun:
        """Some of the prompts."""
        chosen = torch.randperm(len(self.run.tokens), generator=generator)[:BATCH]
        return self.run.of(chosen)

    def divergence(self, bounded: Bounded, run: NaturalRun) -> Tensor:
        """KL at the scored places of a batch, over the parts (module)."""
        answers = shape_of(self.host).answers
        written = compile_tokens(self.spec.theory, self.circuit, answers, bounded.value())
        every = tuple(written.heads)
        with torch.no_grad():
            fitted = calibrated_heads(written.heads, run, shape_of(self.host).causal)
        heads = {
            name: fitted[name] if family.calibrated else family
            for name, family in written.heads.items()
        }
        parts = [(name,) for name in every] + ([every] if len(every) > 1 else [])
        *alone, together = [divergence(self.host, heads, by_hand, run) for by_hand in parts]
        if not alone:
            return together
        return TOGETHER * together + (1 - TOGETHER) * torch.stack(alone).mean()

    @torch.no_grad()
    def loss(self, bounded: Bounded) -> float:
        """The divergence on all prompts."""
        parts = torch.arange(len(self.run.tokens)).split(BATCH)
        sums = [float(self.divergence(bounded, self.run.of(part))) * len(part) for part in parts]
        return sum(sums) / len(self.run.tokens)


def tuned_lines(result: TunedTokens) -> list[str]:
    """The result as text: the loss, the files, and the numbers that are at a bound."""
    lines = [f"mean KL on the tuning prompts {result.before:.3f} -> {result.after:.3f}"]
    lines += [f"{number.key}: {number.before:g} -> {number.after:g}" for number in result.numbers]
    lines += [
        f"{number.key} is at its {number.at_bound}: widen this bound and tune again"
        for number in result.numbers
        if number.at_bound
    ]
    return [*lines, f"tuned: {result.spec}, {result.plot}"]
