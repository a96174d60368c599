"""Controls of attention heads: rules with the numbers of the theory and one wrong element."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from workbench.sequences.compile import WrittenHeads
from workbench.sequences.rule import LookTerm
from workbench.spec.language import INPUT

Terms = tuple[LookTerm, ...]
FURTHER = (1, 5)  # wrong frequencies: every frequency so much higher


def controls(
    heads: Mapping[str, WrittenHeads], by_hand: Sequence[str], seed: int, vocabulary: int
) -> dict[str, tuple[str, Mapping[str, WrittenHeads]]]:
    """Wrong theories with the same numbers, by name; only those that change something.

    The last of the handwritten families is changed: two steps that are wrong in the same way may
    make a circuit that is right.
    """
    last = by_hand[-1]
    made: dict[str, tuple[str, Mapping[str, WrittenHeads]]] = {}
    for name, (label, change) in _changes(seed, vocabulary).items():
        changed = {
            family: replace(written, terms=change(written.terms)) if family == last else written
            for family, written in heads.items()
        }
        terms = zip(heads[last].terms, changed[last].terms, strict=True)
        if any(after is not before for before, after in terms):
            made[name] = (label, changed)
    return made


def _changes(seed: int, vocabulary: int) -> dict[str, tuple[str, Callable[[Terms], Terms]]]:
    """The change of a family's terms that makes each control, by name, with its label."""
    renamed = torch.randperm(vocabulary, generator=torch.Generator().manual_seed(seed))

    def shifted(term: LookTerm) -> LookTerm:
        return replace(term, shift=1)

    def permuted(term: LookTerm) -> LookTerm:
        return replace(term, renamed=renamed) if term.of is not None else term

    def same(term: LookTerm) -> LookTerm:
        return replace(term, of=INPUT) if term.of not in (None, INPUT) else term

    def turned(term: LookTerm) -> LookTerm:
        gated = term.queries_before is not None or term.keys_before is not None
        return replace(term, turned=True) if gated else term

    def other_head(term: LookTerm) -> LookTerm:
        gain = term.gain.roll(1)
        return term if torch.equal(gain, term.gain) else replace(term, gain=gain)

    def higher(by: int) -> Callable[[LookTerm], LookTerm]:
        def raised(term: LookTerm) -> LookTerm:
            if term.wave is None:
                return term
            return replace(term, wave=replace(term.wave, frequency=term.wave.frequency + by))

        return raised

    of_a_term = {  # a change returns the term itself where it changes nothing
        "control.shifted": ("every key with the score of the key before it", shifted),
        "control.tokens_permuted": ("the query's token renamed by a permutation", permuted),
        "control.same_token": ("the key's own token in place of the carried one", same),
        "control.gates_turned": ("gates that let the other places through", turned),
        "control.other_head": ("each head with the numbers of another head", other_head),
    } | {
        f"control.frequencies_{by}_higher": (f"every wave's frequency {by} higher", higher(by))
        for by in FURTHER
    }
    return {name: (label, one_by_one(change)) for name, (label, change) in of_a_term.items()} | {
        "control.phases_permuted": (
            "each head's waves with the phases of another head's",
            phases_permuted,
        )
    }


def one_by_one(change: Callable[[LookTerm], LookTerm]) -> Callable[[Terms], Terms]:
    """A change of each term by itself."""
    return lambda terms: tuple(map(change, terms))


def phases_permuted(terms: Terms) -> Terms:
    """Waves of numbers with the phases of the next head's waves, and with their own amplitudes."""
    made = list(terms)
    for i, (cosine, sine) in enumerate(itertools.pairwise(terms)):
        if sine.wave is None or not sine.wave.sine:
            continue
        phase = torch.atan2(sine.gain, cosine.gain)
        if torch.equal(phase, moved := phase.roll(1)):
            continue
        amplitude = torch.hypot(cosine.gain, sine.gain)
        made[i] = replace(cosine, gain=amplitude * moved.cos())
        made[i + 1] = replace(sine, gain=amplitude * moved.sin())
    return tuple(made)
