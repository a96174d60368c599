"""The score of a theory of tokens: every part with its ablations, controls and rivals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from workbench.errors import WorkbenchError
from workbench.evaluate.statistics import Statistics
from workbench.hosts.host import Host
from workbench.hosts.output import Quantity
from workbench.hosts.store import load
from workbench.hosts.tokens import TokenOutput
from workbench.hosts.transformer_host import at_length, shape_of
from workbench.score.bits import CALIBRATED_BITS, PRECISION
from workbench.score.recovery import distance, gains, recovered
from workbench.score.uncertainty import Figure
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.compile import compile_tokens
from workbench.sequences.evaluate import OVERLAP, evaluate_parts
from workbench.sequences.examples import Examples, examples_of
from workbench.sequences.files import (
    TokenSpec,
    load_token_circuit,
    load_token_theory,
    refuse_unmatched,
)
from workbench.sequences.hosted import refuse_unfit
from workbench.sequences.parts import PartNumbers, TokenPart, calibrated, parts_of, sites_read
from workbench.sequences.prompt_sets import Prompts, prompts_of
from workbench.sequences.prompts import Prompt
from workbench.sequences.splice import NaturalRun, natural_run
from workbench.sequences.weights.parts import at_both_levels
from workbench.sequences.weights.plan import Subject
from workbench.splice.conditions import RIVALS, ConditionFacts, ConditionKind
from workbench.work import Work

JUDGE = "logit_r2"
BETTER = "better than every control and baseline"


@dataclass(frozen=True)
class TokenRow:
    """The scores of one condition: means over prompts, by the quantity's key.

    recovered  1 - headline / that of the part's cheapest ablation
    overlap    of attention patterns with the trained ones; None where none are written
    numbers    of a baseline: how many numbers are fitted
    """

    facts: ConditionFacts
    quantities: Mapping[str, float]
    recovered: Figure
    overlap: float | None
    numbers: int | None = None


@dataclass(frozen=True)
class PartScore:
    """A part's rows, the natural one first.

    cheapest  the ablation that loses least: `recovered` is a share of what it loses
    rival     the control or baseline that is nearest to the network, by `judged_by`
    ahead     how much farther from the network than the handwritten part the rival is: above 0,
              the theory does better
    floor     the same of the cheapest ablation
    by_ablation  what the handwritten part recovers of each ablation
    kept      of weights that fit a rule for scores: the share of it that they keep
    """

    name: str
    words: str
    level: str
    numbers: PartNumbers
    cheapest: str
    rival: str | None
    ahead: Figure
    floor: Figure
    by_ablation: Mapping[str, Figure]
    rows: Sequence[TokenRow]
    kept: float | None = None

    def row(self, name: str) -> TokenRow:
        """The row of a condition; raises KeyError without one."""
        for row in self.rows:
            if row.facts.name == name:
                return row
        raise KeyError(name)

    @property
    def supported(self) -> bool:
        """Whether the verdict is that no control and no baseline does as well."""
        return self.verdict.startswith(BETTER)

    @property
    def verdict(self) -> str:
        """A sentence that says whether the part is the network's mechanism."""
        return verdict(self)


@dataclass(frozen=True)
class TokenCard:
    """The scorecard of a theory of tokens.

    counts    prompts that calibrated, and prompts that were scored
    examples  activations for the pictures of a report; None where none is written
    """

    spec: TokenSpec
    circuit: TokenCircuit
    host: Host
    counts: Mapping[str, int]
    quantities: Sequence[Quantity]
    headline: Quantity
    parts: Sequence[PartScore]
    seed: int = 0
    command: str = ""
    examples: Examples | None = None

    def part(self, name: str) -> PartScore:
        """The part of that name; raises KeyError without one."""
        return {part.name: part for part in self.parts}[name]


@dataclass(frozen=True)
class TokenRequest:
    """What is scored.

    text   a text file, where the circuit declares `prompts: texts`
    only   names of parts; all by default
    pictured  whether the card has the activations for the pictures of a report
    """

    spec: Path
    circuit: Path
    text: Path | None = None
    only: Sequence[str] = field(default=())
    command: str = ""
    pictured: bool = False


def score_tokens(request: TokenRequest, work: Work = Work()) -> TokenCard:  # noqa: B008
    """Load a theory and a circuit, splice every part into the network, and score it.

    Raises WorkbenchError, and SpecError with every problem of a file.
    """
    spec = load_token_theory(request.spec)
    circuit, host, prompts = loaded(spec, request.circuit, work.seed, request.text)
    return score_loaded(spec, circuit, host, prompts, work, request)


def loaded(
    spec: TokenSpec, circuit_file: Path, seed: int = 0, text: Path | None = None
) -> tuple[TokenCircuit, Host, Prompts]:
    """The circuit of a theory, its network at the prompts' length, and its prompts.

    Raises WorkbenchError if they do not fit each other.
    """
    circuit = load_token_circuit(circuit_file)
    return circuit, *prepared(spec, circuit, str(circuit_file), seed, text)


def prepared(
    spec: TokenSpec,
    circuit: TokenCircuit,
    where: str,
    seed: int = 0,
    text: Path | None = None,
    host: Host | None = None,
) -> tuple[Host, Prompts]:
    """The network of a circuit at its prompts' length, and the prompts.

    `where` names the circuit in messages; `host` is loaded if it is not given. Raises
    WorkbenchError if theory, circuit and network do not fit each other, and if a prompt would be
    scored that the theory was tuned on.
    """
    refuse_unmatched(spec, circuit, where)
    host = at_length(host or load(circuit.host), prompt_length(circuit))
    refuse_unfit(host, circuit, where)
    prompts = prompts_of(circuit.prompts, host, seed, text)
    if spec.theory.tuned and spec.theory.tuned.circuit == circuit.sha256:
        tuning = prompts_of(circuit.prompts, host, spec.theory.tuned.seed, text)
        refuse_shared(spec, tuning.calibration, prompts.scored)
    return host, prompts


def refuse_shared(spec: TokenSpec, tuning: Sequence[Prompt], scored: Sequence[Prompt]) -> None:
    """Raises WorkbenchError if a prompt is scored on which the theory's numbers were fitted."""
    fitted = {prompt.sha256 for prompt in tuning}
    if shared := [prompt.name for prompt in scored if prompt.sha256 in fitted]:
        raise WorkbenchError(
            str(spec.path),
            f"was tuned on {len(shared)} of the prompts to be scored, such as {shared[0]}",
            "prompts that no number was fitted on",
            f"Score with --seed {spec.theory.tuned.seed if spec.theory.tuned else 0}, the seed of "
            "the tuning, whose scored prompts are others.",
        )


@torch.no_grad()
def score_loaded(
    spec: TokenSpec,
    circuit: TokenCircuit,
    host: Host,
    prompts: Prompts,
    work: Work = Work(),  # noqa: B008
    request: TokenRequest | None = None,
) -> TokenCard:
    """As `score_tokens`, for what is loaded already."""
    subject = subject_of(spec, circuit, host, prompts, work.seed)
    host, sites = subject.host, sites_read(subject.written)
    parts = parts_of(host, spec.theory, subject.written, subject.run, work.seed)
    parts = at_both_levels(subject, parts, request.only if request else ())
    statistics = evaluate_parts(host, parts, prompts.scored, sites, work)
    scores = [
        part_score(part, rows, host, work.seed)
        for part, rows in zip(parts, statistics, strict=True)
    ]
    counts = {"calibration": len(prompts.calibration), "scored": len(prompts.scored)}
    headline, quantities = host.output.headline, host.output.quantities
    command = request.command if request else ""
    examples = None
    if request and request.pictured:
        cheapest = {part.name: part.cheapest for part in scores}
        examples = examples_of(
            host, subject.written, parts, cheapest, prompts.scored, circuit.prompts
        )
    return TokenCard(
        spec, circuit, host, counts, quantities, headline, scores, work.seed, command, examples
    )


def subject_of(
    spec: TokenSpec, circuit: TokenCircuit, host: Host, prompts: Prompts, seed: int
) -> Subject:
    """A theory compiled for a host, with the gains of its heads calibrated.

    The host has the temperature at which its calibration answers are unsure.
    """
    written = compile_tokens(spec.theory, circuit, shape_of(host).answers)
    run = natural_run(host, prompts.calibration, sites_read(written))
    host = with_temperature(host, run, prompts)
    return Subject(host, spec.theory, calibrated(host, written, run), run, seed)


def prompt_length(circuit: TokenCircuit) -> int:
    """The number of places of the prompts that a circuit file declares."""
    return 3 if circuit.prompts.kind == "pairs" else circuit.prompts.length


def with_temperature(host: Host, run: NaturalRun, prompts: Prompts) -> Host:
    """The host with the temperature at which its calibration answers are unsure."""
    if not isinstance(host.output, TokenOutput):
        return host
    targets = host.output.targets(prompts.calibration)
    return replace(host, output=host.output.fitted(run.answers, targets))


def part_score(part: TokenPart, rows: Statistics, host: Host, seed: int) -> PartScore:
    """The scores of a part from its rows."""
    headline, judge = host.output.headline.name, judged_by(host).name

    def lost(name: str, quantity: str) -> float:
        return float(np.nanmean(distance(rows, name, quantity)))

    counts = {spliced.facts.name: spliced.numbers for spliced in part.conditions}
    kinds = {spliced.facts.name: spliced.facts.kind for spliced in part.conditions}
    ablations = [name for name, kind in kinds.items() if kind == ConditionKind.ABLATION]
    rivals = [name for name, kind in kinds.items() if kind in RIVALS]
    cheapest = min(ablations, key=lambda name: lost(name, headline))
    rival = min(rivals, key=lambda name: lost(name, judge)) if rivals else None
    return PartScore(
        part.name,
        part.words,
        part.level,
        part.numbers,
        cheapest,
        rival,
        gains(rows, "spliced", rival, judge, seed) if rival else Figure(None),
        gains(rows, "spliced", cheapest, judge, seed),
        {name: recovered(rows, "spliced", name, headline, seed=seed) for name in ablations},
        [
            replace(_row(rows, name, cheapest, host, seed), numbers=counts.get(name))
            for name in rows.rows
        ],
        part.kept,
    )


def _row(rows: Statistics, name: str, cheapest: str, host: Host, seed: int) -> TokenRow:
    of_condition = rows.rows[name]
    means = {
        quantity.key: float(np.nanmean(of_condition[quantity.name]))
        if np.isfinite(of_condition[quantity.name]).any()
        else float("nan")
        for quantity in host.output.quantities
    }
    share = recovered(rows, name, cheapest, host.output.headline.name, seed=seed)
    shared = float(of_condition[OVERLAP].mean()) if OVERLAP in of_condition else None
    return TokenRow(rows.conditions[name], means, share, shared)


def bits(numbers: PartNumbers) -> int:
    """The bits of a part's numbers, as `workbench.score.bits` counts them."""
    fitted = numbers.calibrated + numbers.bound
    return PRECISION * (numbers.rule + numbers.exceptions) + CALIBRATED_BITS * fitted


def judged_by(host: Host) -> Quantity:
    """The quantity that a verdict rests on: the R2 of logits, where there are logits.

    A network that has solved its task answers with certainty. KL and accuracy are then blind to how
    an answer is computed; the logits of all other tokens are not.
    """
    by_name = {quantity.name: quantity for quantity in host.output.quantities}
    return by_name.get(JUDGE, host.output.headline)


def verdict(part: PartScore) -> str:
    """A sentence that says whether the part's figures support the theory."""
    share = part.row("spliced").recovered
    if share.value is None:
        return "nothing is lost when the part is ablated, so no theory of it can be tested"
    if _low(share) <= 0 or _low(part.floor) <= 0:
        return f"not this mechanism: no better than {part.cheapest}"
    if part.rival is None or part.ahead.value is None:
        return "there is no control or baseline to compare with"
    count = part.row(part.rival).numbers
    rival = part.rival if count is None else f"{part.rival}, with {count:,} fitted numbers,"
    if _low(part.ahead) > 0:
        return f"{BETTER}; the nearest is {rival}".rstrip(",")
    high = part.ahead.ci95[1] if part.ahead.ci95 else part.ahead.value
    as_well = "better than" if high is not None and high < 0 else "as well as"
    return f"{rival} does {as_well} the theory"


def _low(figure: Figure) -> float:
    """The lower end of a figure's interval; the figure where it has none."""
    if figure.ci95:
        return figure.ci95[0]
    return float("nan") if figure.value is None else figure.value
