"""Families of heads and neurons that a survey finds in a transformer, and their circuit files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import WorkbenchError, nearest
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.hosts.store import RECIPES
from workbench.hosts.transformer_host import shape_of
from workbench.progress import Counter, no_counter
from workbench.sequences.circuit import (
    CircuitFamily,
    PairPrompts,
    PromptSet,
    RepeatPrompts,
    SamplePrompts,
    TextPrompts,
    TokenCircuit,
)
from workbench.sequences.survey.heads import (
    LEAST,
    OCCURRENCES,
    HeadRow,
    of_kind,
    stimuli,
    string_length,
    survey_heads,
)
from workbench.sequences.survey.neurons import NeuronSurvey, survey_neurons
from workbench.sequences.survey.relations import RELATIONS
from workbench.spec.source import dumped

FOLLOWING = 0.5  # share of the living neurons that must follow the key frequencies


@dataclass(frozen=True)
class Survey:
    """A family that was found, and the figures of its units as lines of text."""

    circuit: TokenCircuit
    lines: tuple[str, ...]


def survey(host: Host, family: str, seed: int = 0, progress: Counter = no_counter) -> Survey:
    """The host's units of a family, from behaviour alone.

    seed  of the prompts that heads are surveyed on

    Raises WorkbenchError for an unknown family, for a host that is no transformer, and where the
    host has no such units, with the nearest misses.
    """
    if family not in FAMILIES:
        raise WorkbenchError("survey", f"no family {family!r}", remedy=nearest(family, FAMILIES))
    shape_of(host)
    return FAMILIES[family](host, family, seed, progress)


def dump_token_circuit(circuit: TokenCircuit, path: Path) -> None:
    """Write a circuit file; raises WorkbenchError if it cannot be written."""
    content = circuit.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    write_whole(path, f"{dumped(content)}\n")


def _heads(kinds: Mapping[str, str]) -> Callable[[Host, str, int, Counter], Survey]:
    """The survey of heads; `kinds` gives the relation of each family of the circuit."""

    def found(host: Host, family: str, seed: int, progress: Counter) -> Survey:
        rows = survey_heads(host, seed, progress)
        chosen = {name: of_kind(rows, kind) for name, kind in kinds.items()}
        for name, heads in chosen.items():
            if not heads:
                raise _no_heads(host, kinds[name], rows)
        lines = [line(row, kinds[name]) for name, heads in chosen.items() for row in heads]
        families = {
            name: CircuitFamily(heads=tuple(sorted((row.name for row in heads), key=_in_order)))
            for name, heads in chosen.items()
        }
        return Survey(_circuit(host, family, _prompts(host), families, seed), tuple(lines))

    return found


def line(row: HeadRow, kind: str) -> str:
    """A head's figures by one relation, as text."""
    attention = row.attention[kind]
    gates = {"queries": attention.queries, "keys": attention.keys}
    gated = [f", {name} before {gate.before}" for name, gate in gates.items() if gate]
    return (
        f"{row.name}: {attention.share:.2f} of its attention on {_words(kind)}"
        f"{''.join(gated)} ({attention.shuffled:.2f} with shuffled tokens, "
        f"{attention.chance:.2f} by chance)"
    )


def _words(kind: str) -> str:
    return next(relation.words for relation in RELATIONS if relation.name == kind)


def _in_order(name: str) -> tuple[int, ...]:
    return tuple(map(int, name.split(".")))


def _no_heads(host: Host, kind: str, rows: list[HeadRow]) -> WorkbenchError:
    closest = max(rows, key=lambda row: row.attention[kind].share)
    return WorkbenchError(
        f"host {host.name}",
        f"not this mechanism: no head attends to {_words(kind)}; nearest is {line(closest, kind)}",
        f"{LEAST:g} or more beyond chance, which shuffled tokens leave to places and take from "
        "tokens",
    )


def _prompts(host: Host) -> PromptSet:
    """The prompts that figures are measured on: texts, own samples, or repeated strings."""
    shape, length = shape_of(host), len(stimuli(host)[0].tokens)
    recipe = RECIPES.get(host.name)
    if recipe is not None and recipe.tokenizer is not None:
        if shape.causal:
            return SamplePrompts(kind="samples", length=length)
        return TextPrompts(kind="texts", length=length)
    return RepeatPrompts(
        kind="repeats",
        vocabulary=shape.vocabulary,
        length=length,
        string=string_length(length),
        times=OCCURRENCES,
    )


def _circuit(
    host: Host,
    family: str,
    prompts: PromptSet,
    families: Mapping[str, CircuitFamily],
    seed: int = 0,
) -> TokenCircuit:
    seeded = f" --seed {seed}" if seed else ""
    return TokenCircuit(
        circuit=family,
        input="tokens",
        host=host.name,
        fingerprint=host.fingerprint,
        about=f"found by: workbench survey {host.name} --family {family}{seeded}",
        prompts=prompts,
        families=dict(families),
    )


def _sum(host: Host, family: str, seed: int, progress: Counter) -> Survey:
    """Neurons that add angles of numbers, and the heads before them."""
    survey = survey_neurons(host, progress)
    if not survey.frequencies or survey.followed < FOLLOWING:
        raise WorkbenchError(
            f"host {host.name}",
            f"not this mechanism: {survey.followed:.0%} of the living neurons follow a frequency "
            f"that others share, and {survey.accuracy:.0%} of the answers are right",
            f"{FOLLOWING:.0%} or more that follow waves of a few frequencies",
        )
    layer = next(row.layer for row in survey.rows if row.frequency in survey.frequencies)
    heads = tuple(f"{at}.{head}" for at in range(layer + 1) for head in range(shape_of(host).heads))
    families = {
        "gather": CircuitFamily(heads=heads, frequency=survey.frequencies),
        "number": CircuitFamily(numbers=survey.modulus),
        "sum": CircuitFamily(layer=layer, frequency=survey.frequencies),
    }
    prompts = PairPrompts(kind="pairs", modulus=survey.modulus, operation=survey.operation)
    return Survey(_circuit(host, family, prompts, families), tuple(_frequency_lines(survey)))


def _frequency_lines(survey: NeuronSurvey) -> list[str]:
    """A line for each key frequency."""
    lines = [
        f"{survey.operation} modulo {survey.modulus}, {survey.accuracy:.1%} right; "
        f"{survey.followed:.0%} of the living neurons follow:"
    ]
    for frequency in survey.frequencies:
        rows = [row for row in survey.rows if row.follows and row.frequency == frequency]
        apart = sorted(abs((r.phase_a_deg - r.phase_b_deg + 180) % 360 - 180) for r in rows)
        explained = sorted(row.explained for row in rows)
        middle = len(rows) // 2
        lines.append(
            f"frequency {frequency}: {len(rows)} neurons, {explained[middle]:.2f} of their "
            f"variance explained, phases {apart[middle]:.1f} degrees apart (medians)"
        )
    return lines


FAMILIES: Mapping[str, Callable[[Host, str, int, Counter], Survey]] = {
    "previous": _heads({"previous": "previous"}),
    "next": _heads({"next": "next"}),
    "same": _heads({"same": "same"}),
    "induction": _heads({"follower": "induction"}),
    "first": _heads({"first": "first"}),
    "local": _heads({"near": "local"}),
    "copying": _heads({"previous": "previous", "follower": "induction"}),
    "sum": _sum,
}
