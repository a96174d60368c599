"""The file of an exported network (docs/export.md).

It holds the copy's whole state dict, and in one metadata entry where the copy comes from.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workbench.compiler.circuit import HandwrittenCircuit
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.frozen import state_fingerprint
from workbench.hosts.host import Host
from workbench.hosts.store import load
from workbench.score.scorecard import Cost
from workbench.tensor_file import read_tensors, tensor_bytes

FORMAT = 2
KEY = "workbench.written"  # not the compiled circuit's: neither file is taken for the other
KIND, REMEDY = "exported network", "Export it again: workbench export."


def provenance(
    base: Host,
    circuit: HandwrittenCircuit,
    gain: Tensor,
    bias: Tensor,
    calibration: Sequence[str],
    cost: Cost,
) -> dict[str, Any]:
    """Where an exported network comes from.

    `calibration` are the SHA-256 of the pictures that gain and bias were fitted on.
    """
    return {
        "host": base.name,
        "host_fingerprint": base.fingerprint,
        "theory": circuit.theory,
        "site": circuit.site,
        "units": list(circuit.units),
        "gain": gain.tolist(),
        "bias": bias.tolist(),
        "calibration": sorted(calibration),
        "cost": asdict(cost),
        **{
            name: circuit.facts[name]
            for name in ("spec", "circuit", "numbers")
            if name in circuit.facts
        },
    }


def write_exported(host: Host, facts: Mapping[str, Any], path: Path) -> None:
    """Write an exported network whole; the same host and facts give the same bytes.

    Raises WorkbenchError if the file cannot be written.
    """
    tensors = {
        name: tensor.detach().clone(memory_format=torch.contiguous_format)
        for name, tensor in host.network.state_dict().items()
    }
    header = {
        "format": FORMAT,
        "name": host.name,
        "fingerprint": host.fingerprint,
        "source": host.source,
        **facts,
    }
    write_whole(path, tensor_bytes(tensors, KEY, header))


def read_facts(path: Path) -> dict[str, Any]:
    """The header of an exported network: where it comes from.

    Raises WorkbenchError for a file that is truncated, altered or no exported network.
    """
    return read_tensors(path, KEY, FORMAT, KIND, REMEDY)[0]


def read_exported(path: Path, base: Host | None = None) -> Host:
    """The exported network of a file.

    `base` is the trained host that it is a copy of, by default the installed one that the file
    names.

    Raises WorkbenchError for a file that is truncated, altered or no exported network, and for
    another base.
    """
    header, tensors = read_tensors(path, KEY, FORMAT, KIND, REMEDY)
    for key in ("name", "fingerprint", "source", "host", "host_fingerprint"):
        if not isinstance(header.get(key), str):
            raise WorkbenchError(f"{path}: {key}", repr(header.get(key)), "text", REMEDY)
    name, fingerprint, source = (header[key] for key in ("name", "fingerprint", "source"))
    base = base or load(header["host"])
    if base.fingerprint != header["host_fingerprint"]:
        expected = f"a copy of {base.name} with fingerprint {base.fingerprint[:12]}…"
        raise WorkbenchError(
            str(path),
            f"is a copy of {header['host']} with {header['host_fingerprint'][:12]}…",
            expected,
            REMEDY,
        )
    network = copy.deepcopy(base.network)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:  # names and shapes that are not the network's
        raise WorkbenchError(
            str(path), f"has other tensors than its host ({error})", f"a whole {KIND}", REMEDY
        ) from error
    if (of_tensors := state_fingerprint(network)) != fingerprint:
        raise WorkbenchError(
            str(path),
            f"altered: its tensors have fingerprint {of_tensors[:12]}…",
            f"{fingerprint[:12]}…",
            REMEDY,
        )
    return replace(base, name=name, fingerprint=fingerprint, network=network, source=source)
