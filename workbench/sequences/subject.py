"""The subject of a score of tokens: a theory, a circuit, the network at its prompts, calibrated."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.store import load
from workbench.hosts.tokens import TokenOutput
from workbench.hosts.transformer_host import at_length, shape_of
from workbench.sequences.circuit import TextPrompts, TokenCircuit
from workbench.sequences.compile import Written, compile_tokens
from workbench.sequences.files import TokenSpec, load_token_circuit, refuse_unmatched
from workbench.sequences.fit_answers import calibrated
from workbench.sequences.head_parts import sites_of_heads
from workbench.sequences.hosted import prompt_length, refuse_unanswered, refuse_unfit
from workbench.sequences.language import TokenTheory
from workbench.sequences.natural_run import NaturalRun, natural_run
from workbench.sequences.prompt_sets import Prompts, prompts_of
from workbench.sequences.prompts import Prompt
from workbench.sequences.sites import post_site, stream_site
from workbench.sequences.variants import circuit_of


@dataclass(frozen=True)
class Subject:
    """A theory that is compiled for a host.

    written  with calibrated gains of heads
    run      of calibration prompts
    """

    host: Host
    theory: TokenTheory
    written: Written
    run: NaturalRun
    seed: int = 0

    @property
    def length(self) -> int:
        """The places of a prompt."""
        return self.run.tokens.shape[1]

    @property
    def causal(self) -> bool:
        """Whether a query sees no place after its own."""
        return shape_of(self.host).causal


def loaded(
    spec: TokenSpec, circuit_file: Path, seed: int = 0, text: Path | None = None
) -> tuple[TokenCircuit, Host, Prompts]:
    """The circuit of a theory, its network at the prompts' length, and its prompts.

    Raises WorkbenchError if they do not fit each other.
    """
    circuit = load_token_circuit(circuit_file)
    if text is not None and not isinstance(circuit.prompts, TextPrompts):
        raise WorkbenchError(
            "--text",
            f"{text}, and {circuit_file} declares prompts of kind {circuit.prompts.kind}",
            "no text",
        )
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
    host, prompts = network_and_prompts(circuit, where, seed, text, host)
    refuse_unanswered(host, spec.theory, circuit, where)
    refuse_tuned_on(spec, circuit, host, prompts, text)
    return host, prompts


def network_and_prompts(
    circuit: TokenCircuit,
    where: str,
    seed: int = 0,
    text: Path | None = None,
    host: Host | None = None,
) -> tuple[Host, Prompts]:
    """As `prepared`, for any theory. Raises WorkbenchError if circuit and network do not fit."""
    host = host or load(circuit.host)
    refuse_unfit(host, circuit, where)
    host = at_length(host, prompt_length(circuit))
    return host, prompts_of(circuit.prompts, host, seed, text)


def refuse_tuned_on(
    spec: TokenSpec, circuit: TokenCircuit, host: Host, prompts: Prompts, text: Path | None
) -> None:
    """Raises WorkbenchError if a prompt would be scored that the theory was tuned on."""
    if spec.theory.tuned and spec.theory.tuned.circuit == circuit.sha256:
        tuning = prompts_of(circuit.prompts, host, spec.theory.tuned.seed, text)
        refuse_shared(spec, tuning.calibration, prompts.scored)


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


def sites_read(written: Written) -> tuple[str, ...]:
    """Every site that the conditions of a circuit's parts read."""
    layers = dict.fromkeys(neurons.layer for neurons in written.neurons.values())
    of_neurons = [site(layer) for layer in layers for site in (stream_site, post_site)]
    return tuple(dict.fromkeys([*sites_of_heads(written.heads), *of_neurons]))


def subject_of(
    spec: TokenSpec, circuit: TokenCircuit, host: Host, prompts: Prompts, seed: int
) -> Subject:
    """A theory compiled for a host, with the gains of its heads calibrated.

    The host has the temperature at which its calibration answers are unsure.
    """
    written = compile_tokens(spec.theory, circuit, shape_of(host).answers)
    run = natural_run(host, prompts.calibration, sites_read(written))
    host = with_temperature(host, run, prompts)
    return calibrated_subject(spec.theory, written, host, run, seed)


def calibrated_subject(
    theory: TokenTheory, written: Written, host: Host, run: NaturalRun, seed: int
) -> Subject:
    """The subject of a circuit whose gains are not calibrated, and a run of calibration prompts.

    `host` has the temperature at which its answers are unsure; `run` has the sites that the
    circuit's conditions read (`sites_read`).
    """
    heads = calibrated(host, written.heads, run, seed)
    return Subject(host, theory, replace(written, heads=heads), run, seed)


def varied_subject(subject: Subject, spec: TokenSpec, circuit: TokenCircuit, name: str) -> Subject:
    """The subject of a variant: its gains are calibrated again, on the same prompts."""
    theory = spec.variants[name]
    changed = circuit_of(theory, circuit, spec.theory.variants[name])
    written = compile_tokens(theory, changed, shape_of(subject.host).answers)
    return calibrated_subject(theory, written, subject.host, subject.run, subject.seed)


def with_temperature(host: Host, run: NaturalRun, prompts: Prompts) -> Host:
    """The host with the temperature at which its calibration answers are unsure."""
    if not isinstance(host.output, TokenOutput):
        return host
    targets = host.output.targets(prompts.calibration)
    return replace(host, output=host.output.fitted(run.answers, targets))
