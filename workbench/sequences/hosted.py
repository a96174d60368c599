"""Whether a circuit file fits the network it names."""

from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.circuit import TokenCircuit


def refuse_unfit(host: Host, circuit: TokenCircuit, file: Path | str) -> None:
    """Raises WorkbenchError for another network's circuit, and for units that it does not have."""
    shape = shape_of(host)
    if host.fingerprint != circuit.fingerprint:
        raise WorkbenchError(
            f"{file}: fingerprint",
            f"{circuit.fingerprint[:12]}…",
            f"{host.fingerprint[:12]}…, that of {host.name}",
            "Survey this network, or give the circuit file that was made in it.",
        )
    for name, family in circuit.families.items():
        for head in family.heads or ():
            layer, place = map(int, head.split("."))
            if layer >= shape.layers or place >= shape.heads:
                raise WorkbenchError(
                    f"{file}: families.{name}.heads",
                    f"head {head}",
                    f"layers 0 to {shape.layers - 1}, heads 0 to {shape.heads - 1} of {host.name}",
                )
        if family.layer is not None and (family.layer >= shape.layers or shape.mlp == "none"):
            raise WorkbenchError(
                f"{file}: families.{name}.layer",
                f"layer {family.layer}",
                f"a layer of {host.name} that has neurons ({shape.layers} layers, MLP {shape.mlp})",
            )
        if family.numbers is not None and family.numbers > shape.answers:
            raise WorkbenchError(
                f"{file}: families.{name}.numbers",
                f"{family.numbers} numbers",
                f"at most {shape.answers}, the tokens that {host.name} answers",
            )
