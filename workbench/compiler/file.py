"""The compiled circuit's file: safetensors, names and provenance in one metadata entry. docs/circuit-file.md is its page.

Tensors `FAMILY<-SOURCE` hold weights `out in kh kw`; `FAMILY/threshold`, `FAMILY/ideal` and `FAMILY/floor` hold constants; all are float32.
The same circuit gives the same bytes.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Normalise, Pool, Read
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.theory.poses import Units

FORMAT = 1
KEY = "workbench"  # one entry: safetensors keeps no order among several


def write_circuit(circuit: HandwrittenCircuit, path: Path) -> None:
    """Write a circuit whole. Raises WorkbenchError if the file cannot be written."""
    write_whole(path, to_bytes(circuit))


def to_bytes(circuit: HandwrittenCircuit) -> bytes:
    """The file's bytes."""
    tensors: dict[str, Any] = {}
    for layer in circuit.layers:
        constants = {"threshold": layer.threshold, "ideal": layer.ideal, **({"floor": layer.normalise.floor} if layer.normalise else {})}
        tensors |= {f"{layer.family}/{name}": value for name, value in constants.items()}
        tensors |= {f"{layer.family}<-{read.source}": read.weight for read in layer.reads}
    plain = {name: torch.as_tensor(tensor).detach().to(torch.float32).contiguous() for name, tensor in tensors.items()}
    return save(plain, {KEY: json.dumps(_header(circuit), sort_keys=True, ensure_ascii=False)})


def read_circuit(path: Path) -> HandwrittenCircuit:
    """The circuit of a file. Raises WorkbenchError for a file that is truncated, altered in its header or no compiled circuit."""
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get(KEY, "null"))
            if not isinstance(header, dict) or header.get("format") != FORMAT:
                raise WorkbenchError(
                    str(path), "is no compiled circuit of this version", f"metadata {KEY!r} of format {FORMAT}", "Compile it again."
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
        return _circuit(header, tensors)
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise WorkbenchError(
            str(path), f"cannot be read as safetensors ({error})", "a whole compiled circuit", "Compile it again."
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise WorkbenchError(
            str(path), f"has a faulty header or tensor ({error})", "a whole compiled circuit", "Compile it again."
        ) from error


def _header(circuit: HandwrittenCircuit) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "theory": circuit.theory,
        "host": circuit.host,
        "site": circuit.site,
        "units": list(circuit.units),
        "grid": vars(circuit.grid),
        "facts": dict(circuit.facts),
        "layers": [
            {
                "family": layer.family,
                "names": list(layer.units.names),
                "poses": {axis: list(values) for axis, values in layer.units.poses.items()},
                "shape": list(layer.units.shape.items()),
                "stride_px": layer.stride_px,
                "reads": [read.source for read in layer.reads],
                "full": layer.full,
                "normalise": layer.normalise.axis if layer.normalise else None,
                "pool": vars(layer.pool) if layer.pool else None,
            }
            for layer in circuit.layers
        ],
    }


def _circuit(header: dict[str, Any], tensors: dict[str, Any]) -> HandwrittenCircuit:
    layers = tuple(_layer(row, tensors) for row in header["layers"])
    return HandwrittenCircuit(
        header["theory"], header["host"], header["site"], tuple(header["units"]), Grid(**header["grid"]), layers, header["facts"]
    )


def _layer(row: dict[str, Any], tensors: dict[str, Any]) -> Layer:
    family = row["family"]
    units = Units(tuple(row["names"]), {axis: tuple(values) for axis, values in row["poses"].items()}, dict(row["shape"]))
    normalise = Normalise(row["normalise"], tensors[f"{family}/floor"]) if row["normalise"] else None
    reads = tuple(Read(source, tensors[f"{family}<-{source}"]) for source in row["reads"])
    pool = Pool(**row["pool"]) if row["pool"] else None
    return Layer(
        family, units, row["stride_px"], reads, tensors[f"{family}/threshold"], tensors[f"{family}/ideal"], row["full"], normalise, pool
    )
