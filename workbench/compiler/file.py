"""The compiled circuit's file: safetensors, with names and provenance in one metadata entry.

It is specified in docs/circuit-file.md.

Tensors `FAMILY<-SOURCE` hold weights `out in kh kw`; `FAMILY/threshold`, `FAMILY/ideal` and
`FAMILY/floor` hold constants; all are float32. The same circuit gives the same bytes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Normalise, Pool, Read
from workbench.compiler.header import FORMAT, Header, LayerRow, checked_header
from workbench.files import write_whole
from workbench.tensor_file import read_tensors, tensor_bytes
from workbench.theory.poses import Units

KEY = "workbench"
REMEDY = "Compile it again."


def write_circuit(circuit: HandwrittenCircuit, path: Path) -> None:
    """Write a circuit whole. Raises WorkbenchError if the file cannot be written."""
    write_whole(path, to_bytes(circuit))


def to_bytes(circuit: HandwrittenCircuit) -> bytes:
    """The bytes of a circuit's file."""
    tensors: dict[str, Any] = {}
    for layer in circuit.layers:
        constants = {
            "threshold": layer.threshold,
            "ideal": layer.ideal,
            **({"floor": layer.normalise.floor} if layer.normalise else {}),
        }
        tensors |= {f"{layer.family}/{name}": value for name, value in constants.items()}
        tensors |= {f"{layer.family}<-{read.source}": read.weight for read in layer.reads}
    plain = {
        name: torch.as_tensor(tensor).detach().to(torch.float32).contiguous()
        for name, tensor in tensors.items()
    }
    return tensor_bytes(plain, KEY, _header(circuit))


def read_circuit(path: Path) -> HandwrittenCircuit:
    """Read the circuit of a file.

    Raises WorkbenchError for a file that is truncated, changed or no compiled circuit, and for one
    whose header and tensors do not fit each other.
    """
    values, tensors = read_tensors(path, KEY, FORMAT, "compiled circuit", REMEDY)
    return _circuit(checked_header(str(path), values, tensors), tensors)


def _header(circuit: HandwrittenCircuit) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "theory": circuit.theory,
        "host": circuit.host,
        "site": circuit.site,
        "units": list(circuit.units),
        **({"vectors": [list(vector) for vector in circuit.vectors]} if circuit.vectors else {}),
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


def _circuit(header: Header, tensors: Mapping[str, Tensor]) -> HandwrittenCircuit:
    return HandwrittenCircuit(
        header.theory,
        header.host,
        header.site,
        header.units,
        Grid(**header.grid.model_dump()),
        tuple(_layer(row, tensors) for row in header.layers),
        header.facts,
        header.vectors,
    )


def _layer(row: LayerRow, tensors: Mapping[str, Tensor]) -> Layer:
    family = row.family
    return Layer(
        family,
        Units(row.names, row.poses, dict(row.shape)),
        row.stride_px,
        tuple(Read(source, tensors[f"{family}<-{source}"]) for source in row.reads),
        tensors[f"{family}/threshold"],
        tensors[f"{family}/ideal"],
        row.full,
        Normalise(row.normalise, tensors[f"{family}/floor"]) if row.normalise else None,
        Pool(**row.pool.model_dump()) if row.pool else None,
    )
