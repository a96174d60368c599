"""Which device and library are chosen, what a user reads of it, and arrays without a copy."""

import importlib.machinery
import sys
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from tests.elsewhere import elsewhere
from tests.libraries import NO_CUDA, NO_CUPY
from workbench.arrays import devices, to_numpy
from workbench.arrays.devices import chosen_device, computed_on, cupy, known_as, placed, shared
from workbench.errors import WorkbenchError


@pytest.fixture(autouse=True)
def _no_cupy_remembered():
    """A process looks for CuPy once; every test here looks again."""
    cupy.cache_clear()
    yield
    cupy.cache_clear()


@pytest.fixture
def lines(monkeypatch) -> list[str]:
    """The lines for the user; there is no CuPy and no device, unless a test adds them."""
    devices_of(monkeypatch, 0)
    monkeypatch.setattr(devices, "find_spec", lambda name: None)
    return []


def devices_of(monkeypatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)


def stand_in(monkeypatch, count: int | Exception) -> ModuleType:
    """CuPy, with so many devices, or an error when they are counted; its arrays are NumPy's."""

    def counted() -> int:
        if isinstance(count, Exception):
            raise count
        return count

    used: list[int] = []
    module = ModuleType("cupy")
    module.__spec__ = importlib.machinery.ModuleSpec("cupy", None, origin="cupy/__init__.py")
    runtime, device = (
        SimpleNamespace(getDeviceCount=counted),
        lambda index: SimpleNamespace(use=lambda: used.append(index)),
    )
    module.__dict__.update(
        __version__="0",
        used=used,
        cuda=SimpleNamespace(runtime=runtime, Device=device),
        ndarray=type("ndarray", (), {}),
        from_dlpack=to_numpy,
        asarray=np.asarray,
    )
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.setattr(devices, "find_spec", lambda name: module.__spec__)
    return module


def test_chosen_device_by_default_is_the_processor_without_a_line(lines, monkeypatch):
    assert chosen_device(None, lines.append) == chosen_device("cpu", lines.append) == "cpu"
    stand_in(monkeypatch, 1)
    assert chosen_device("cpu", lines.append) == "cpu"  # as the user asked
    assert lines == []


@pytest.mark.parametrize(
    ("count", "why"), [(0, "torch sees no CUDA device"), (1, "no --device cuda was given")]
)
def test_with_cupy_and_no_device_one_line_and_numpy(lines, monkeypatch, count, why):
    stand_in(
        monkeypatch,
        RuntimeError(
            "cudaErrorInsufficientDriver: CUDA driver version is insufficient for CUDA runtime "
            "version"
        ),
    )
    devices_of(monkeypatch, count)
    assert chosen_device(None, lines.append) == "cpu"
    assert lines == [f"CuPy is installed, but {why}: statistics run on NumPy."]
    assert isinstance(shared(torch.ones(2)), np.ndarray)


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_device_and_cupy(lines, monkeypatch, name):
    module = stand_in(monkeypatch, 1)
    devices_of(monkeypatch, 1)
    assert chosen_device(name, lines.append) == "cuda:0"
    assert lines == []
    with ThreadPoolExecutor(1) as pool:  # a device is chosen for each thread by itself
        pool.submit(placed, np.zeros(1), "cuda:1").result()
    assert module.used == [1]


def test_a_folder_that_is_called_cupy_is_none(lines, monkeypatch):
    monkeypatch.setattr(
        devices, "find_spec", lambda name: importlib.machinery.ModuleSpec("cupy", None)
    )
    assert chosen_device(None, lines.append) == "cpu"
    assert cupy() is None
    assert lines == []


def test_a_device_without_cupy_or_with_one_that_does_not_work_there(lines, monkeypatch):
    devices_of(monkeypatch, 2)
    assert chosen_device("cuda:1", lines.append) == "cuda:1"
    stand_in(monkeypatch, RuntimeError("no driver"))
    cupy.cache_clear()
    assert chosen_device("cuda:1", lines.append) == "cuda:1"
    assert lines == [
        "CuPy is not installed (extras cuda12 and cuda13): statistics run in torch on cuda:1.",
        "CuPy finds no CUDA device: statistics run in torch on cuda:1.",
    ]


@pytest.mark.parametrize(
    ("name", "count", "message"),
    [
        (
            "cuda",
            0,
            r"0 CUDA devices, by torch .*; expected a device cuda.*leave --device cuda out",
        ),
        ("cuda:2", 2, "2 CUDA devices"),
        ("cuda:", 1, "'cuda:'; expected cpu, cuda or cuda:N"),
        ("cuda:-1", 1, "expected cpu, cuda or cuda:N"),
        ("gpu", 1, "'gpu'; expected cpu, cuda or cuda:N"),
    ],
)
def test_a_device_that_is_not_there(lines, monkeypatch, name, count, message):
    devices_of(monkeypatch, count)
    with pytest.raises(WorkbenchError, match=message):
        chosen_device(name, lines.append)


def test_tensors_of_the_processor_are_numpys_without_a_copy():
    with torch.inference_mode():
        for tensor in (
            torch.rand(2, 3, 4, 5),
            torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last),
            torch.rand(3).expand(4, 3),
        ):
            array = shared(tensor)
            assert array.ctypes.data == tensor.data_ptr() == to_numpy(tensor).ctypes.data
            assert (array == tensor.numpy()).all()
    row = np.arange(3.0)
    assert placed(row, "cpu") is row is to_numpy(row)


def test_tensors_of_a_device_are_cupys_or_stay_torchs(monkeypatch):
    with elsewhere() as device:
        tensor = torch.ones(2).to(device)
        monkeypatch.setattr(devices, "find_spec", lambda name: None)
        assert shared(tensor) is tensor
        assert placed(np.ones(2), device).device == tensor.device
        assert known_as(device) == "a device that is not there, torch"
        on_torch = {
            "device": "cuda:0, a device that is not there",
            "statistics": "torch",
            "torch": torch.__version__,
        }
        assert computed_on(device) == on_torch
        stand_in(monkeypatch, 1)
        cupy.cache_clear()
        assert isinstance(shared(tensor), np.ndarray)  # the stand-in's
        assert isinstance(placed(np.ones(2), device), np.ndarray)
        assert known_as(device) == "a device that is not there, CuPy 0"
        assert computed_on(device) == on_torch | {"statistics": "CuPy 0"}
    assert known_as("cpu") == "cpu"
    assert computed_on("cpu") == {
        "device": "cpu",
        "statistics": f"NumPy {np.__version__}",
        "torch": torch.__version__,
    }


@pytest.mark.gpu
@NO_CUDA
@NO_CUPY
def test_a_cuda_tensor_is_cupys_without_a_copy_and_back():
    tensor = torch.arange(6.0, device="cuda").reshape(2, 3)
    array = shared(tensor)
    assert array.data.ptr == tensor.data_ptr() == torch.from_dlpack(array).data_ptr()
    assert to_numpy(array).tolist() == to_numpy(tensor).tolist() == tensor.tolist()
