"""A PyTorch file of either format gives its tensors and runs nothing."""

import os
import random
import warnings

import pytest
import torch

from tests.conftest import tiny_network
from workbench.errors import WorkbenchError
from workbench.files import sha256
from workbench.hosts import efficientnet_lite0, pytorch_files, store
from workbench.hosts.pytorch_files import state_dict

FORMATS = pytest.mark.parametrize("zipped", [False, True], ids=["torch 1.5", "zip"])


def save(content, path, zipped=False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save(content, path, _use_new_zipfile_serialization=zipped)


@FORMATS
def test_state_dict_is_what_was_saved(tmp_path, zipped):
    expected = torch.nn.Sequential(tiny_network(), torch.nn.BatchNorm2d(3)).state_dict()
    expected["turned"], expected["part"] = torch.arange(6.0).reshape(2, 3).T, torch.arange(9.0)[2:5]
    expected["shared"] = expected["turned"]
    save(expected, tmp_path / "weights.pth", zipped)
    read = state_dict(tmp_path / "weights.pth")
    assert list(read) == list(expected)
    for name, tensor in expected.items():
        assert torch.equal(read[name], tensor)
        assert read[name].dtype == tensor.dtype
        assert read[name].is_contiguous()
    read["shared"].zero_()
    assert torch.equal(read["turned"], expected["turned"])


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@FORMATS
@pytest.mark.parametrize(
    "content",
    [
        lambda trap: trap,
        lambda trap: {"weight": trap},
        lambda trap: {"weight": torch.zeros(2), "x": trap},
    ],
)
def test_state_dict_of_a_file_with_code_is_refused_and_runs_nothing(tmp_path, content, zipped):
    save(content(Trap(tmp_path / "sprung")), tmp_path / "weights.pth", zipped)
    with pytest.raises(WorkbenchError, match="is no plain PyTorch state dict"):
        state_dict(tmp_path / "weights.pth")
    assert not (tmp_path / "sprung").exists()
    torch.load(tmp_path / "weights.pth", weights_only=False)
    assert (tmp_path / "sprung").exists(), "the trap works"


@FORMATS
@pytest.mark.parametrize(
    "content",
    [
        torch.zeros(2),
        [torch.zeros(2)],
        {"weight": 3.0},
        {"weight": torch.zeros(2), "nested": {"weight": torch.zeros(2)}},
        {0: torch.zeros(2)},
        {"weight": torch.eye(2).to_sparse()},
    ],
    ids=["tensor", "list", "number", "nested", "numbered", "sparse"],
)
def test_state_dict_of_anything_but_plain_tensors_by_name_is_refused(tmp_path, content, zipped):
    save(content, tmp_path / "weights.pth", zipped)
    with pytest.raises(WorkbenchError, match="is no plain PyTorch state dict"):
        state_dict(tmp_path / "weights.pth")


DAMAGES = {
    "cut short": lambda data: data[:-4],
    "another format": lambda data: b"PK" + data,
    "empty": lambda data: b"",
    "an instruction without its mark": lambda data: b"\x80\x02u.",
    "a shape beyond the storage": lambda data: data.replace(b"K\x04\x85", b"K\x09\x85"),
    "a stride beyond the storage": lambda data: data.replace(b"K\x01\x85", b"K\x09\x85"),
}


@FORMATS
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_state_dict_of_a_damaged_file_is_refused(tmp_path, damage, zipped):
    save({"weight": torch.arange(4.0)}, tmp_path / "whole.pth", zipped)
    assert torch.equal(state_dict(tmp_path / "whole.pth")["weight"], torch.arange(4.0))
    (tmp_path / "weights.pth").write_bytes(damage((tmp_path / "whole.pth").read_bytes()))
    with pytest.raises(WorkbenchError, match=r"is no plain PyTorch state dict \(.+\)\. Fetch"):
        state_dict(tmp_path / "weights.pth")


def test_state_dict_of_no_file_is_refused(tmp_path):
    with pytest.raises(WorkbenchError, match="No such file"):
        state_dict(tmp_path / "weights.pth")


@FORMATS
@pytest.mark.filterwarnings("ignore::UserWarning")  # of a pickle protocol that is damaged
def test_state_dict_of_any_damaged_byte_raises_nothing_but_a_refusal(tmp_path, zipped):
    save({"weight": torch.arange(4.0), "bias": torch.zeros(2, 3)}, tmp_path / "whole.pth", zipped)
    whole, chance, refused = (tmp_path / "whole.pth").read_bytes(), random.Random(0), 0
    for _ in range(500):
        damaged = bytearray(whole)
        damaged[chance.randrange(len(whole))] = chance.randrange(256)
        (tmp_path / "weights.pth").write_bytes(damaged)
        try:
            state_dict(tmp_path / "weights.pth")
        except WorkbenchError:
            refused += 1
    assert refused > (0 if zipped else 200), "most bytes of the older format are not the storages'"


def test_an_altered_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    read = []
    monkeypatch.setattr(pytorch_files.torch, "load", lambda *args, **more: read.append(args))
    save({"weight": torch.zeros(2)}, tmp_path / efficientnet_lite0.WEIGHTS)
    assert sha256(tmp_path / efficientnet_lite0.WEIGHTS) != efficientnet_lite0.WEIGHTS_SHA256
    with pytest.raises(WorkbenchError, match="altered: efficientnet"):
        store.add("efficientnet-lite0", tmp_path)
    assert read == []
