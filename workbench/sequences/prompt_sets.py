"""The prompts that a circuit file declares: those that calibrate and those that are scored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.output import NO_TARGET
from workbench.hosts.store import tokenizer
from workbench.sequences.circuit import (
    PairPrompts,
    PromptSet,
    RepeatPrompts,
    SamplePrompts,
    TextPrompts,
)
from workbench.sequences.prompts import Prompt, all_pairs, own_samples, repeated_strings, texts


@dataclass(frozen=True)
class Prompts:
    """The prompts of one score; none is in both."""

    calibration: list[Prompt]
    scored: list[Prompt]

    @property
    def counts(self) -> dict[str, int]:
        """How many there are, by the keys of score.json."""
        return {"calibration": len(self.calibration), "scored": len(self.scored)}


def prompts_of(declared: PromptSet, host: Host, seed: int = 0, text: Path | None = None) -> Prompts:
    """The prompts of a circuit file's declaration, made or read.

    Raises WorkbenchError, also where none is left to calibrate or to score, or one is in both.
    """
    made: Prompts = MAKERS[declared.kind](declared, host, seed, text)
    if not all(made.counts.values()):
        raise WorkbenchError(
            "prompts",
            " and ".join(f"{count} for {use}" for use, count in made.counts.items()),
            "prompts that calibrate and prompts that are scored",
            "Declare more of them.",
        )
    calibrated = {prompt.sha256 for prompt in made.calibration}
    if shared := [prompt.name for prompt in made.scored if prompt.sha256 in calibrated]:
        raise WorkbenchError(
            "prompts",
            f"{len(shared)} that are scored also calibrate, such as {shared[0]}",
            "other prompts to calibrate than to score",
            "Declare longer prompts.",
        )
    return made


def _pairs(declared: PairPrompts, host: Host, seed: int, text: Path | None) -> Prompts:
    prompts = all_pairs(declared.modulus)
    if declared.operation == "subtraction":
        prompts = [_subtracted(prompt, declared.modulus) for prompt in prompts]
    calibrates = np.random.default_rng(seed).random(len(prompts)) < declared.share
    return Prompts(
        [prompt for prompt, chosen in zip(prompts, calibrates, strict=True) if chosen],
        [prompt for prompt, chosen in zip(prompts, calibrates, strict=True) if not chosen],
    )


def _subtracted(prompt: Prompt, modulus: int) -> Prompt:
    first, second, _ = prompt.tokens
    target = (first - second) % modulus
    return Prompt(prompt.tokens, (NO_TARGET, NO_TARGET, target), f"{first}-{second}")


def _repeats(declared: RepeatPrompts, host: Host, seed: int, text: Path | None) -> Prompts:
    def made(count: int, seed: int) -> list[Prompt]:
        sizes = (declared.vocabulary, declared.string, declared.times, declared.length)
        return repeated_strings(*sizes, count, seed)

    return Prompts(made(declared.calibrate_on, 2 * seed + 1), made(declared.count, 2 * seed + 2))


def _samples(declared: SamplePrompts, host: Host, seed: int, text: Path | None) -> Prompts:
    count = declared.calibrate_on + declared.count
    drawn = own_samples(host, count, declared.length, seed)
    prompts = [_from_place(prompt, declared.skip) for prompt in drawn]
    return Prompts(prompts[: declared.calibrate_on], prompts[declared.calibrate_on :])


def _texts(declared: TextPrompts, host: Host, seed: int, text: Path | None) -> Prompts:
    if text is None:
        raise WorkbenchError(
            "prompts",
            "the circuit is scored on a text, and none is given",
            "a text file",
            "Give one with --text FILE.",
        )
    prompts = texts(text, tokenizer(host.name), declared.length)
    order = np.random.default_rng(seed).permutation(len(prompts))
    different = {prompts[i].sha256: prompts[i] for i in order}
    wanted = declared.calibrate_on + declared.count
    if len(different) < wanted:
        raise WorkbenchError(
            str(text),
            f"{len(different)} different paragraphs of {declared.length} tokens",
            f"{wanted}: {declared.calibrate_on} to calibrate and {declared.count} to score",
            "Give a longer text.",
        )
    chosen = list(different.values())[:wanted]
    return Prompts(chosen[: declared.calibrate_on], chosen[declared.calibrate_on :])


def _from_place(prompt: Prompt, first: int) -> Prompt:
    """The prompt, scored only from a place on."""
    targets = (*[NO_TARGET] * first, *prompt.targets[first:])
    return Prompt(prompt.tokens, targets, prompt.name)


MAKERS: Mapping[str, Callable[..., Prompts]] = {
    "pairs": _pairs,
    "repeats": _repeats,
    "samples": _samples,
    "texts": _texts,
}
