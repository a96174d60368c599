"""Prompts of tokens, and how sets of them are made.

A prompt stands where a picture stands elsewhere: the loop compares prompts by their SHA-256, and
resamples them for intervals.
"""

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import torch

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.output import NO_TARGET
from workbench.hosts.tokens import Tokenizer
from workbench.hosts.transformer import Transformer
from workbench.hosts.transformer_host import shape_of
from workbench.hosts.transformer_parts import Past


@dataclass(frozen=True)
class Prompt:
    """The tokens of one prompt, and the token to be answered at each place.

    targets  `NO_TARGET` at a place where no answer is scored; as many as tokens
    name     unique within its set

    Raises WorkbenchError for another number of targets than tokens.
    """

    tokens: tuple[int, ...]
    targets: tuple[int, ...]
    name: str

    def __post_init__(self) -> None:
        if len(self.targets) != len(self.tokens):
            raise WorkbenchError(
                f"prompt {self.name}",
                f"{len(self.tokens)} tokens and {len(self.targets)} targets",
                f"a target for each place, {NO_TARGET} where none is scored",
            )

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the tokens, in hex: two prompts with the same hash are the same prompt."""
        return hashlib.sha256(_text(self.tokens).encode()).hexdigest()

    @property
    def label(self) -> str | None:
        """The targets as text; None where no place is scored."""
        return _text(self.targets) if any(target != NO_TARGET for target in self.targets) else None


def all_pairs(modulus: int, equals: int | None = None) -> list[Prompt]:
    """Every prompt `a b =` of two numbers below the modulus, with `a + b` as the target at `=`.

    equals  the token of `=`; by default the first after the numbers

    Raises WorkbenchError for a modulus below 1 and for a token of `=` that is a number.
    """
    equals = modulus if equals is None else equals
    if modulus < 1 or 0 <= equals < modulus:
        raise WorkbenchError(
            "prompts of pairs",
            f"modulus {modulus} and the token {equals} of `=`",
            "a modulus of 1 or more, and a token that is no number below it",
        )
    return [
        Prompt((a, b, equals), (NO_TARGET, NO_TARGET, (a + b) % modulus), f"{a}+{b}")
        for a, b in itertools.product(range(modulus), repeat=2)
    ]


def repeated_strings(
    vocabulary: int, string_length: int, times: int, length: int, count: int, seed: int
) -> list[Prompt]:
    """Random tokens in which one random string occurs several times, at random places.

    Tokens are drawn evenly from the vocabulary. The occurrences do not overlap; each of the other
    tokens is put into a random gap before, between or after them. Scored are the places inside the
    second and later occurrences at which the next token is known: from the second token of an
    occurrence to the last but one.

    Raises WorkbenchError for occurrences that do not fit, and for strings below three tokens, which
    have no such place.
    """
    spare = length - times * string_length
    if string_length < 3 or times < 2 or spare < 0 or vocabulary < 2:
        raise WorkbenchError(
            "repeated strings",
            f"{times} occurrences of a string of {string_length} in {length} places, "
            f"{vocabulary} tokens",
            "2 or more occurrences of 3 or more tokens that fit the length, of 2 or more tokens",
        )
    random = np.random.default_rng(seed)
    return [
        _repeated(random, vocabulary, (string_length, times, length), f"repeated-{seed}-{index}")
        for index in range(count)
    ]


def occurrences(prompt: Prompt) -> list[list[int]]:
    """The scored places in runs of neighbours: for repeated strings one run an occurrence."""
    runs: list[list[int]] = []
    for place, target in enumerate(prompt.targets):
        if target == NO_TARGET:
            continue
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def texts(path: Path, tokenizer: Tokenizer, length: int) -> list[Prompt]:
    """The text of a file in prompts of `length` tokens, each scored at all places but the last.

    Paragraphs (lines, where no line is empty) that are shorter are left out; a longer one is cut,
    and what remains of it is not used. Where the tokenizer `closes` a text with a token of its own,
    a cut text ends with it too. The target at a place is the next token. Raises
    WorkbenchError for a file that cannot be read as UTF-8, and for one without such a paragraph.
    """
    try:
        content = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkbenchError(str(path), f"cannot be read ({error})", "a text in UTF-8") from error
    parts = content.split("\n\n") if "\n\n" in content else content.split("\n")
    encoded = [tokenizer.encode(" ".join(part.split())) for part in parts if part.strip()]
    closing = list(encoded[0][-1:]) if encoded and getattr(tokenizer, "closes", False) else []
    prompts = [
        next_token([*tokens[: length - len(closing)], *closing], f"{Path(path).name}-{index}")
        for index, tokens in enumerate(encoded)
        if len(tokens) >= length
    ]
    if not prompts:
        longest = max(map(len, encoded), default=0)
        raise WorkbenchError(
            str(path), f"its longest paragraph has {longest} tokens", f"one of {length} or more"
        )
    return prompts


def next_token(tokens: Sequence[int], name: str) -> Prompt:
    """A prompt that is scored at every place but the last, on the next token."""
    plain = tuple(int(token) for token in tokens)
    return Prompt(plain, (*plain[1:], NO_TARGET), name)


@torch.inference_mode()
def own_samples(host: Host, count: int, length: int, seed: int, first: int = 1) -> list[Prompt]:
    """Texts that a causal host writes itself, each token drawn at temperature 1.

    first  the token that every sample begins with, such as that of the beginning of a text

    Scored at every place but the last, on the next token. Raises WorkbenchError for a host that is
    no causal transformer with logits at each place, and for a length or a token that does not fit.
    """
    network, tokens = _writer(host, first, length), torch.full((count, 1), first)
    generator = torch.Generator().manual_seed(seed)
    past = [Past() for _ in network.blocks]
    while tokens.shape[1] < length:
        logits = network(tokens[:, -1:].to(host.device), past)[:, -1].cpu()
        drawn = torch.multinomial(torch.softmax(logits.double(), -1), 1, generator=generator)
        tokens = torch.cat([tokens, drawn], dim=1)
    return [next_token(row.tolist(), f"sample-{seed}-{i}") for i, row in enumerate(tokens)]


def _writer(host: Host, first: int, length: int) -> Transformer:
    """The host's network; raises WorkbenchError as `own_samples`."""
    where, shape = f"host {host.name}", shape_of(host)
    if not shape.causal or shape.answer != "every-place" or shape.answers != shape.vocabulary:
        raise WorkbenchError(
            where, "it writes no text", "a causal network with logits of all tokens at every place"
        )
    if not 0 <= first < shape.vocabulary:
        raise WorkbenchError(where, f"first token {first}", f"0 to {shape.vocabulary - 1}")
    if not 1 <= length <= shape.context:
        raise WorkbenchError(
            where, f"samples of {length} tokens", f"1 to {shape.context}, its context"
        )
    return cast(Transformer, host.network)


def _repeated(
    random: np.random.Generator, vocabulary: int, sizes: tuple[int, int, int], name: str
) -> Prompt:
    """One prompt with a string of sizes[0] tokens that occurs sizes[1] times in sizes[2] places."""
    string_length, times, length = sizes
    tokens = random.integers(vocabulary, size=length)
    string = random.integers(vocabulary, size=string_length)
    gaps = np.bincount(
        random.integers(times + 1, size=length - times * string_length), minlength=times + 1
    )
    targets = np.full(length, NO_TARGET)
    for occurrence in range(times):
        start = int(gaps[: occurrence + 1].sum()) + occurrence * string_length
        tokens[start : start + string_length] = string
        if occurrence:
            targets[start + 1 : start + string_length - 1] = string[2:]
    return Prompt(tuple(tokens.tolist()), tuple(targets.tolist()), name)


def _text(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))
