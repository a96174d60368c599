"""The result of `workbench equivariance` for neurons of numbers, and its document."""

from dataclasses import dataclass

from workbench.hosts.host import Host
from workbench.score.facts import as_json
from workbench.sequences.analyses.equivariance.shifts import PERMUTATIONS, TOLERANCE, Circle
from workbench.sequences.circuit import TokenCircuit

FORMAT = 1


@dataclass(frozen=True)
class TokenEquivariance:
    """The neurons of each frequency of a circuit."""

    circuit: TokenCircuit
    host: Host
    modulus: int
    layer: int
    circles: tuple[Circle, ...]
    seed: int = 0
    command: str = ""


def equivariance_json(result: TokenEquivariance) -> str:
    """The text of equivariance.json (docs/sequences.md)."""
    return as_json(
        {
            "format": FORMAT,
            "command": result.command,
            "host": {"name": result.host.name, "fingerprint": result.host.fingerprint},
            "circuit": result.circuit.circuit,
            "circuit_sha256": result.circuit.sha256,
            "modulus": result.modulus,
            "layer": result.layer,
            "seed": result.seed,
            "permutations": PERMUTATIONS,
            "tolerance": TOLERANCE,
            "frequencies": [
                {
                    "frequency": circle.frequency,
                    "neurons": list(circle.neurons),
                    "explained": circle.mean,
                    "explained_each": circle.explained.tolist(),
                    "copies": circle.copies,
                    "not_shifted": circle.unshifted,
                    "permuted": circle.permuted,
                    "permuted_best": circle.best,
                    "p": circle.p,
                }
                for circle in result.circles
            ],
        }
    )
