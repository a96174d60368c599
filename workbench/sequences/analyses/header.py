"""The first keys of every document of an analysis of tokens: what was analysed, with hashes."""

from typing import Any

from workbench.hosts.host import Host
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.files import TokenSpec


def theory_facts(spec: TokenSpec) -> dict[str, str]:
    """A theory's name, its file, and the SHA-256 of its text."""
    return {"name": spec.theory.theory, "path": str(spec.path), "sha256": spec.sha256}


def subject_facts(spec: TokenSpec, circuit: TokenCircuit, host: Host) -> dict[str, Any]:
    """A theory, its network and its circuit, by the keys of score.json of tokens."""
    return {
        "theory": theory_facts(spec),
        "host": {"name": host.name, "fingerprint": host.fingerprint},
        "circuit": circuit.circuit,
        "circuit_sha256": circuit.sha256,
    }
