"""A file of PyTorch 1.5 and earlier gives its tensors and runs nothing."""

import random
import warnings

import pytest
import torch

from tests.conftest import tiny_network
from workbench.errors import WorkbenchError
from workbench.hosts.torch_file import state_dict


def save(content, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(content, path, _use_new_zipfile_serialization=False)


def test_tensors_are_torchs(tmp_path):
    expected = torch.nn.Sequential(tiny_network(), torch.nn.BatchNorm2d(3)).state_dict()
    expected["turned"], expected["part"] = torch.arange(6.0).reshape(2, 3).T, torch.arange(9.0)[2:5]
    save(expected, tmp_path / "weights.pth")
    found = state_dict(tmp_path / "weights.pth")
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], tensor) and found[name].dtype == tensor.dtype for name, tensor in expected.items())


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("content", [lambda trap: trap, lambda trap: {"weight": trap}, lambda trap: {"weight": torch.zeros(2), "x": trap}])
def test_nothing_in_the_file_is_run(tmp_path, content):
    save(content(Trap(tmp_path / "sprung")), tmp_path / "weights.pth")
    with pytest.raises(WorkbenchError, match=r"is no plain state dict of torch 1\.5 or earlier"):
        state_dict(tmp_path / "weights.pth")
    assert not (tmp_path / "sprung").exists()
    torch.load(tmp_path / "weights.pth", weights_only=False)
    assert (tmp_path / "sprung").exists(), "the trap works"


DAMAGES = {
    "cut short": lambda data: data[:-4],
    "something behind": lambda data: data + b"x",
    "another format": lambda data: b"PK" + data,
    "empty": lambda data: b"",
    "an instruction without its mark": lambda data: b"\x80\x02u.",
    "a shape beyond the storage": lambda data: data.replace(b"K\x04\x85", b"K\x09\x85"),
    "a stride beyond the storage": lambda data: data.replace(b"K\x01\x85", b"K\x09\x85"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_refused(tmp_path, damage):
    save({"weight": torch.arange(4.0)}, tmp_path / "whole.pth")
    assert torch.equal(state_dict(tmp_path / "whole.pth")["weight"], torch.arange(4.0))
    (tmp_path / "weights.pth").write_bytes(damage((tmp_path / "whole.pth").read_bytes()))
    with pytest.raises(WorkbenchError, match="is no plain state dict"):
        state_dict(tmp_path / "weights.pth")


def test_whatever_byte_is_damaged_nothing_but_a_refusal_is_raised(tmp_path):
    save({"weight": torch.arange(4.0), "bias": torch.zeros(2, 3)}, tmp_path / "whole.pth")
    whole, chance, refused = (tmp_path / "whole.pth").read_bytes(), random.Random(0), 0
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] = chance.randrange(256)
        (tmp_path / "weights.pth").write_bytes(damaged)
        try:
            state_dict(tmp_path / "weights.pth")
        except WorkbenchError:
            refused += 1
    assert refused > 250, "most bytes are not the storages'"
