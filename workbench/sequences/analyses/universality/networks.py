"""The networks that a theory of tokens is tried on, and the survey that finds its units."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.hosts.made import FINAL, MADE, checkpoints, made_name, training_of
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import OF_CIRCUIT, TokenSpec, load_token_circuit

CHECKPOINTS = re.compile(r"(?P<name>[\w-]+)(@seed:(?P<seed>\d{1,19}))?@step:\*")
# survey -> the names of the families in the circuits that it writes, the smallest first
SURVEYS: Mapping[str, frozenset[str]] = {
    "previous": frozenset({"previous"}),
    "induction": frozenset({"follower"}),
    "same": frozenset({"same"}),
    "next": frozenset({"next"}),
    "first": frozenset({"first"}),
    "local": frozenset({"near"}),
    "copying": frozenset({"previous", "follower"}),
    "sum": frozenset({"gather", "number", "sum"}),
}


def all_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of networks, each once; `induction@step:*` stands for all its checkpoints.

    Raises WorkbenchError for a training that is unknown or did not run on this machine.
    """
    made: list[str] = []
    for name in names:
        parts = CHECKPOINTS.fullmatch(name)
        if parts is None:
            made.append(name)
            continue
        training, seed = training_of(parts["name"]).name, int(parts["seed"] or 0)
        rows = checkpoints(training, seed)
        if not rows:
            again = f" --seed {seed}" if seed else ""
            raise WorkbenchError(
                f"--host {name}",
                "was not trained on this machine",
                remedy=f"Run `workbench hosts make {training}{again}`: it takes about a minute.",
            )
        made += [row.name for row in rows]
    return tuple(dict.fromkeys(made))


def checkpoint_of(name: str) -> tuple[str, int] | None:
    """The training of a checkpoint and its step; None for any other network."""
    parts = MADE.fullmatch(name)
    if parts is None:
        return None
    training, seed = training_of(parts["name"]), int(parts["seed"] or 0)
    step = training.steps if parts["step"] is None else int(parts["step"])
    return (training.name if seed == 0 else f"{training.name}@seed:{seed}"), step


def final_of(name: str) -> str:
    """The name of the last checkpoint of a checkpoint's training."""
    parts = MADE.fullmatch(name)
    if parts is None:
        raise ValueError(name)
    return made_name(parts["name"], int(parts["seed"] or 0), FINAL)


def survey_of(spec: TokenSpec) -> str:
    """The survey that finds every family of a theory that has units in a network.

    Raises WorkbenchError where none does.
    """
    families = spec.theory.families.items()
    wanted = {name for name, family in families if family.units in OF_CIRCUIT}
    for survey, names in SURVEYS.items():
        if wanted <= names:
            return survey
    raise WorkbenchError(
        str(spec.path),
        f"no survey finds {' and '.join(sorted(wanted))}",
        "; ".join(f"{survey}: {', '.join(sorted(names))}" for survey, names in SURVEYS.items()),
        "Rename the families, or give every network's circuit with --circuit.",
    )


def known_circuits(files: Sequence[Path], names: Sequence[str]) -> dict[str, TokenCircuit]:
    """The circuits that are given, by network.

    Raises WorkbenchError for one of a network that is not tried, and for two of one network.
    """
    tried = {*names, *(final_of(name) for name in names if MADE.fullmatch(name))}
    known: dict[str, TokenCircuit] = {}
    for file in files:
        circuit = load_token_circuit(file)
        if circuit.host not in tried:
            raise WorkbenchError(
                "--circuit",
                f"{file} is of {circuit.host}",
                "a circuit of a network that is tried",
                f"Give --host {circuit.host} too.",
            )
        if circuit.host in known:
            raise WorkbenchError(
                "--circuit",
                f"{file} and another are both of {circuit.host}",
                "one for each network",
            )
        known[circuit.host] = circuit
    return known
