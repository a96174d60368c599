"""Damaged compiled circuits, by seed: bytes, headers and tensors, half with a fitting checksum."""

import json
import random
from collections.abc import Iterator
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from workbench.compiler.file import KEY
from workbench.tensor_file import CHECKSUM, tensor_bytes

VALUES = (
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    1e300,
    "",
    "gabor",
    "input",
    "host:x",
    [],
    {},
    [[]],
    [None],
)
DTYPES = (torch.int32, torch.float64, torch.float16, torch.bool)


def damaged_circuits(content: bytes, seed: int) -> Iterator[bytes]:
    """Damaged files without end; `content` is a whole one. The same for the same seed."""
    chance = random.Random(seed)
    while True:
        yield chance.choice((_damaged_bytes, _damaged_content, _damaged_content))(content, chance)


def _damaged_bytes(content: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(content))
    length = int.from_bytes(content[:8], "little")
    return chance.choice(
        (
            content[:at],
            content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :],
            chance.choice((0, 1, length - 1, length + 1, 1 << 40)).to_bytes(8, "little")
            + content[8:],
            content + b"more",
            content.replace(b"F32", chance.choice((b"I32", b"F64", b"BF1", b"F16")), 1),
        )
    )


def _damaged_content(content: bytes, chance: random.Random) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][KEY])
    tensors = load(content)
    declared = header.pop(CHECKSUM)
    if chance.random() < 0.6:
        _change_value(header, chance)
    else:
        _change_tensor(tensors, chance)
    if chance.random() < 0.5:
        return tensor_bytes(tensors, KEY, header)
    return save(tensors, {KEY: json.dumps({**header, CHECKSUM: declared})})


def _change_value(header: Any, chance: random.Random) -> None:
    holder, key = chance.choice(list(_places(header)))
    way = chance.randrange(4)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, dict):
        holder[f"{key}_more"] = holder[key]
    elif way == 2 and isinstance(holder[key], list):
        holder[key] = holder[key][::-1] + holder[key][:1]
    else:
        holder[key] = chance.choice(VALUES)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _change_tensor(tensors: dict[str, Tensor], chance: random.Random) -> None:
    name = chance.choice(sorted(tensors))
    tensor = tensors.pop(name)
    way = chance.randrange(6)
    if way == 1:
        tensors[f"{name}2"] = tensor
    elif way == 2:
        tensors[name] = tensor.to(chance.choice(DTYPES))
    elif way == 3:
        tensors[name] = tensor * chance.choice((float("nan"), float("inf"), 0.0, -1.0))
    elif way == 4:
        tensors[name] = tensor[..., :-1].clone() if tensor.ndim else tensor[None].clone()
    elif way == 5:
        tensors[name] = torch.zeros(0)
