"""Whether a circuit file and its theory fit the network that the file names."""

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.tokens import TokenOutput
from workbench.hosts.transformer_host import shape_of
from workbench.hosts.transformer_shape import TransformerShape
from workbench.sequences.circuit import (
    CircuitFamily,
    PairPrompts,
    PromptSet,
    RepeatPrompts,
    TokenCircuit,
)
from workbench.sequences.language import TokenTheory

OTHER_PROMPTS = "Declare prompts that it takes, or survey it again."


def prompt_length(circuit: TokenCircuit) -> int:
    """The number of places of the prompts that a circuit file declares."""
    return 3 if isinstance(circuit.prompts, PairPrompts) else circuit.prompts.length


def refuse_unfit(host: Host, circuit: TokenCircuit, file: Path | str) -> None:
    """Raises WorkbenchError for another network's circuit, and for what this one does not have.

    It may lack the units, the tokens of the prompts, or places for them.
    """
    shape = shape_of(host)
    if host.fingerprint != circuit.fingerprint:
        raise WorkbenchError(
            f"{file}: fingerprint",
            f"{circuit.fingerprint[:12]}…",
            f"{host.fingerprint[:12]}…, that of {host.name}",
            "Survey this network, or give the circuit file that was made in it.",
        )
    for name, family in circuit.families.items():
        _refuse_units(host, family, f"{file}: families.{name}")
    _refuse_prompts(host, shape, circuit, f"{file}: prompts")


def refuse_unanswered(
    host: Host, theory: TokenTheory, circuit: TokenCircuit, file: Path | str
) -> None:
    """Raises WorkbenchError for a theory of answers that the network does not give.

    Neurons of numbers are about an answer at the last place. Also for numbers of another count than
    the prompts'.
    """
    answers = theory.of_units("answers")
    if answers and not isinstance(host.output, TokenOutput):
        raise WorkbenchError(
            f"host {host.name}",
            "answers with an embedding, and the theory writes logits",
            "a network with logits",
            f"Leave {' and '.join(answers)} out of the theory.",
        )
    if theory.of_units("neurons") and shape_of(host).answer != "last-place":
        raise WorkbenchError(
            f"host {host.name}",
            "answers at every place, and the theory has neurons of numbers",
            "a network that answers at the last place alone",
            "`workbench survey HOST --family sum` finds a circuit in one.",
        )
    modulus = circuit.prompts.modulus if isinstance(circuit.prompts, PairPrompts) else None
    for name in theory.of_units("numbers"):
        if modulus not in (None, numbers := circuit.families[name].numbers):
            raise WorkbenchError(
                f"{file}: families.{name}.numbers",
                f"{numbers} numbers",
                f"{modulus}, the modulus of the prompts",
            )


def _refuse_units(host: Host, family: CircuitFamily, where: str) -> None:
    """Raises WorkbenchError for heads, a layer or numbers that the network does not have."""
    shape = shape_of(host)
    for head in family.heads or ():
        layer, place = map(int, head.split("."))
        if layer >= shape.layers or place >= shape.heads:
            raise WorkbenchError(
                f"{where}.heads",
                f"head {head}",
                f"layers 0 to {shape.layers - 1}, heads 0 to {shape.heads - 1} of {host.name}",
            )
    if family.layer is not None and (family.layer >= shape.layers or shape.mlp == "none"):
        raise WorkbenchError(
            f"{where}.layer",
            f"layer {family.layer}",
            f"a layer of {host.name} that has neurons ({shape.layers} layers, MLP {shape.mlp})",
        )
    if family.numbers is not None and family.numbers > shape.answers:
        raise WorkbenchError(
            f"{where}.numbers",
            f"{family.numbers} numbers",
            f"at most {shape.answers}, the tokens that {host.name} answers",
        )


def _refuse_prompts(host: Host, shape: TransformerShape, circuit: TokenCircuit, where: str) -> None:
    """Raises WorkbenchError for prompts that the network does not take or does not answer."""
    prompts, length = circuit.prompts, prompt_length(circuit)
    if length > shape.context:
        raise WorkbenchError(
            f"{where}.length",
            f"prompts of {length} tokens",
            f"1 to {shape.context}, the context of {host.name}",
            OTHER_PROMPTS,
        )
    declared, most = _tokens(prompts, shape)
    if declared > most:
        key = "modulus" if isinstance(prompts, PairPrompts) else "vocabulary"
        raise WorkbenchError(
            f"{where}.{key}",
            f"{declared}",
            f"at most {most}: {host.name} has {shape.vocabulary} tokens and answers "
            f"{shape.answers}",
            OTHER_PROMPTS,
        )
    if not isinstance(prompts, PairPrompts) and shape.answer == "last-place":
        raise WorkbenchError(
            f"{where}.kind",
            f"{prompts.kind}, which are read at many places",
            f"pairs: {host.name} answers at the last place alone",
        )


def _tokens(prompts: PromptSet, shape: TransformerShape) -> tuple[int, int]:
    """How many tokens declared prompts need, and how many the network allows.

    The token `=` of pairs comes after the numbers, and is not answered.
    """
    if isinstance(prompts, PairPrompts):
        return prompts.modulus, min(shape.vocabulary - 1, shape.answers)
    declared = prompts.vocabulary if isinstance(prompts, RepeatPrompts) else 0
    return declared, min(shape.vocabulary, shape.answers)
