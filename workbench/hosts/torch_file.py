"""Reading the weights out of a PyTorch file of before 2020-09 (version 1.5 and earlier) without unpickling it.

Such a file is five pickles (a magic number, a version, the machine's sizes, the state dict, the names of the storages) and then the storages'
bytes. A pickle is a program; `pickletools` only names its instructions. The few that a plain state dict is made of are listed below, and what they
would call is compared with three names and never imported. Anything else is refused.

Format   torch/serialization.py, `_legacy_save`
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from workbench.errors import WorkbenchError

MAGIC = 0x1950A86A20F9469CFC6C
DTYPES: dict[str, np.dtype] = {"torch FloatStorage": np.dtype("<f4"), "torch LongStorage": np.dtype("<i8")}
CONSTANTS = {"BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1"}
EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "NONE": lambda: None,
    "NEWFALSE": lambda: False,
    "NEWTRUE": lambda: True,
}
SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
DICT, TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
MARK = object()


@dataclass(frozen=True)
class _Global:
    """A name that the pickle would import."""

    name: str


@dataclass(frozen=True)
class _Storage:
    key: str
    dtype: np.dtype


@dataclass(frozen=True)
class _View:
    """A tensor: part of a storage."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


def state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a state dict by name.

    Raises WorkbenchError for a file of another format, and for one that holds anything but a dictionary of plain tensors.
    """
    try:
        with open(path, "rb") as file:
            magic, _, machine, state, keys = (_plain(file) for _ in range(5))
            if magic != MAGIC or not machine["little_endian"]:
                raise ValueError(f"magic number {magic}")
            storages = _storages(file, keys, {view.storage.key: view.storage.dtype for view in state.values()})
            return {name: _tensor(view, storages[view.storage.key]) for name, view in state.items()}
    except (
        OSError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        RuntimeError,
        ArithmeticError,
        StopIteration,
        MemoryError,
    ) as error:
        raise WorkbenchError(
            str(path), f"is no plain state dict of torch 1.5 or earlier ({error})", remedy="Fetch the file again."
        ) from error


def _storages(file: BinaryIO, keys: list[str], dtypes: dict[str, np.dtype]) -> dict[str, np.ndarray]:
    """Each storage is its count of numbers, 8 bytes, and the numbers."""
    found = {}
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        found[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key])
        if len(found[key]) != count:
            raise ValueError(f"storage {key} is cut short")
    if file.read(1):
        raise ValueError("something behind the last storage")
    return found


def _tensor(view: _View, storage: np.ndarray) -> Tensor:
    return torch.as_strided(torch.from_numpy(storage.copy()), view.shape, view.stride, view.offset).contiguous()


def _plain(file: BinaryIO) -> Any:
    """What the next pickle of the file says, as far as it is made of known instructions. Raises ValueError at any other."""
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for opcode, argument, _ in pickletools.genops(file):
        name = opcode.name
        if name in CONSTANTS:
            stack.append(argument)
        elif name in EMPTY:
            stack.append(EMPTY[name]())
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "STOP":
            return stack.pop()
        elif name != "PROTO":
            _compose(name, argument, stack)
    raise ValueError("a pickle without an end")


def _compose(name: str, argument: Any, stack: list[Any]) -> None:
    """The instructions that make something of what is on the stack."""
    if name == "MARK":
        stack.append(MARK)
    elif name == "GLOBAL":
        stack.append(_Global(argument))
    elif name == "TUPLE":
        stack.append(tuple(_marked(stack)))
    elif name in SHORT_TUPLES:
        stack[-SHORT_TUPLES[name] :] = [tuple(stack[-SHORT_TUPLES[name] :])]
    elif name in ("APPEND", "APPENDS"):
        items = _marked(stack) if name == "APPENDS" else [stack.pop()]
        stack[-1].extend(items)
    elif name in ("SETITEM", "SETITEMS"):
        items = _marked(stack) if name == "SETITEMS" else [stack.pop(-2), stack.pop()]
        stack[-1].update(zip(items[::2], items[1::2], strict=True))
    elif name == "BINPERSID":
        stack.append(_storage(*stack.pop()))
    elif name == "REDUCE":
        arguments, called = stack.pop(), stack.pop()
        stack.append(_called(called, arguments))
    elif name == "BUILD" and type(stack[-2]) is dict:  # versions of the modules, set on the dictionary: not wanted
        stack.pop()
    else:
        raise ValueError(f"instruction {name}")


def _marked(stack: list[Any]) -> list[Any]:
    """What lies above the last mark; both go."""
    start = len(stack) - 1 - next(i for i, item in enumerate(reversed(stack)) if item is MARK)
    items = stack[start + 1 :]
    del stack[start:]
    return items


def _storage(word: str, kind: _Global, key: str, device: str, count: int, view: None) -> _Storage:
    if word != "storage" or view is not None:
        raise ValueError(f"persistent object {word}")
    return _Storage(key, DTYPES[kind.name])


def _called(called: _Global, arguments: tuple) -> Any:
    if called.name == DICT and arguments == ():
        return {}
    if called.name == TENSOR:
        storage, offset, shape, stride, *_ = arguments
        return _View(storage, offset, shape, stride)
    raise ValueError(f"a call of {called.name}")
