"""Safetensors files with one metadata entry, a JSON object that describes the tensors.

Each kind of file has its own key of this entry, and its own format number.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from workbench.errors import WorkbenchError


def tensor_bytes(tensors: Mapping[str, Tensor], key: str, header: Mapping[str, Any]) -> bytes:
    """The file's bytes: the same for the same content.

    The metadata is one entry, since safetensors keeps no order among several.
    """
    # a host of the store keeps its channels last
    plain = {name: tensor.contiguous() for name, tensor in tensors.items()}
    return save(plain, {key: json.dumps(header, sort_keys=True, ensure_ascii=False)})


def read_tensors(
    path: Path, key: str, version: int, kind: str, remedy: str
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read the header and the tensors of a file.

    Raises WorkbenchError for a file that is truncated or missing, and for one of another kind or
    version.
    """
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {}).get(key, "null"))
            if not isinstance(header, dict) or header.get("format") != version:
                raise WorkbenchError(
                    str(path),
                    f"is no {kind} of this version",
                    f"metadata {key!r} of format {version}",
                    remedy,
                )
            return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (safe_open is no mapping)
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise WorkbenchError(
            str(path), f"cannot be read as safetensors ({error})", f"a whole {kind}", remedy
        ) from error
