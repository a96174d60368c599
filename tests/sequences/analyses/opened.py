"""Files of a planted network, for analyses that read a theory and a circuit from files."""

from pathlib import Path

import pytest
import yaml

from workbench.hosts import Host
from workbench.sequences import subject
from workbench.sequences.circuit import TokenCircuit
from workbench.sequences.score import TokenRequest


def request_of(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    host: Host,
    circuit: TokenCircuit,
    theory: str,
) -> TokenRequest:
    """Write the theory and the circuit to `folder`; the circuit's network is `host`."""
    monkeypatch.setattr(subject, "load", lambda name: host)
    content = circuit.model_dump(mode="json", exclude_none=True)
    (folder / "theory.yaml").write_text(theory)
    (folder / "circuit.yaml").write_text(yaml.safe_dump(content))
    return TokenRequest(folder / "theory.yaml", folder / "circuit.yaml")
