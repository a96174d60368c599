"""Hosts that a user's own file makes, and null hosts."""

import re
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.hosts import Site, store
from workbench.hosts.named import folder_name, is_own
from workbench.hosts.null import null_host

PAGE = Path(__file__).parents[2] / "docs" / "own-host.md"
LINES = 20  # that a reader of the docs needs


@pytest.fixture
def documented(tmp_path, monkeypatch) -> str:
    """The name of the host of docs/own-host.md, its file and weights in the current folder."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)
    (tmp_path / "my_hosts.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    layers = [(nn.Conv2d(3, 16, 5), "0.0"), (nn.Conv2d(16, 24, 3), "1.0"), (nn.Conv2d(24, 32, 3), "2.0"), (nn.Linear(32, 10), "3.2")]
    state = {f"{name}.{part}": tensor for layer, name in layers for part, tensor in layer.state_dict().items()}
    safetensors.torch.save_file(state, "my_network.safetensors")
    assert len(code.splitlines()) <= LINES
    return "my_hosts.py:make_host"


def test_a_null_host_of_ones_own_is_ones_own(documented):
    """So that nothing of it is kept: `rebuild` and `frontier` ask this of the host's name."""
    null = store.load(f"{documented}@random:0")
    assert is_own(null.name)
    assert is_own(store.load(documented).name)
    assert not is_own("squeezenet@random:0")


def test_the_documented_host(documented):
    host = store.load(documented)
    assert host.name == documented
    assert list(host.sites.values()) == [
        Site("early", "0", 16, 56, 56, 2, 0),
        Site("middle", "1", 24, 28, 28, 4, 0),
        Site("late", "2", 32, 14, 14, 8, 0),
    ]
    assert store.load(documented) is host
    assert host.network(torch.zeros(1, 3, 112, 112)).shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("my_hosts.py:make_hots", r"no function 'make_hots'.*Did you mean 'make_host'\?"),
        ("mine.py:make_host", r"no file mine\.py"),
        ("my_hosts.py:nn", r"no function 'nn'"),
        ("my_hosts.py:InputRange", r"InputRange"),
    ],
)
def test_what_makes_no_host_is_told(documented, name, said):
    if name.endswith("InputRange"):
        Path("my_hosts.py").write_text("def InputRange():\n    return 3\n")
        said = r"InputRange\(\) gives a int; expected what host_from_module gives"
    with pytest.raises(WorkbenchError, match=said):
        store.load(name)


def test_the_file_finds_its_neighbours(documented):
    Path("my_hosts.py").rename("beside_my_hosts.py")
    Path("my_hosts.py").write_text("import beside_my_hosts\n\n\ndef make_host():\n    return beside_my_hosts.make_host()\n")
    before = list(sys.path)
    assert store.load(documented).site("late").stride_px == 8
    assert sys.path == before


def test_an_altered_file_is_another_host(documented):
    first = store.load(documented)
    Path("my_hosts.py").write_text(Path("my_hosts.py").read_text().replace("size_px=112", "size_px=96"))
    assert store.load(documented).site("late").height == 12 != first.site("late").height


def test_folder_names():
    assert folder_name("squeezenet") == "squeezenet"
    assert folder_name("my_hosts.py:make_host") == "my_hosts.make_host"
    assert folder_name("../theirs/hosts.py:trunk@random:3") == "theirs.hosts.trunk@random-3"


def test_a_null_host_keeps_each_units_numbers_and_none_of_their_order(tiny_host):
    null = null_host(tiny_host, seed=1)
    assert null.fingerprint != tiny_host.fingerprint
    assert null.sites == tiny_host.sites
    trained = dict(tiny_host.network.named_parameters())
    for name, weight in null.network.named_parameters():
        rows, before = weight.reshape(len(weight), -1), trained[name].reshape(len(weight), -1)
        assert torch.equal(rows.sort(1).values, before.sort(1).values), name
        if weight.ndim > 1:
            assert (rows == before).float().mean() < 0.2, name
        else:
            assert torch.equal(weight, trained[name]), name


def test_null_hosts_by_name(documented):
    one, two = (store.load(f"{documented}@random:{seed}") for seed in (1, 2))
    assert one.name == f"{documented}@random:1"
    assert one.fingerprint != two.fingerprint
    assert store.load(f"{documented}@random:1") is one
    assert one.fingerprint == null_host(store.load(documented), 1).fingerprint
    with pytest.raises(WorkbenchError, match=r"seed 'x'; expected a whole number"):
        store.load(f"{documented}@random:x")
    with pytest.raises(WorkbenchError, match="no host 'squeezent'"):
        store.load("squeezent@random:0")
