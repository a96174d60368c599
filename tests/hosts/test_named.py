"""Hosts that a user's own file makes, and null hosts."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from workbench.errors import WorkbenchError
from workbench.hosts import Site, named, store
from workbench.hosts.named import folder_name, trust
from workbench.hosts.null import null_host

PAGE = Path(__file__).parents[2] / "docs" / "own-host.md"
LINES = 20  # that a reader of the docs needs


@pytest.fixture
def documented(tmp_path, monkeypatch) -> str:
    """The name of the host of docs/own-host.md, its file and weights in the current folder."""
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL).group(1)
    (tmp_path / "my_hosts.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(named, "TRUSTED", set())
    layers = [
        (nn.Conv2d(3, 16, 5), "0.0"),
        (nn.Conv2d(16, 24, 3), "1.0"),
        (nn.Conv2d(24, 32, 3), "2.0"),
        (nn.Linear(32, 10), "3.2"),
    ]
    state = {
        f"{name}.{part}": tensor
        for layer, name in layers
        for part, tensor in layer.state_dict().items()
    }
    safetensors.torch.save_file(state, "my_network.safetensors")
    assert len(code.splitlines()) <= LINES
    trust("my_hosts.py:make_host")
    return "my_hosts.py:make_host"


def test_the_documented_host(documented):
    host = store.load(documented)
    assert host.name == documented
    assert list(host.sites.values()) == [
        Site.on_grid("early", "0", 16, 56, 56, 2, 0),
        Site.on_grid("middle", "1", 24, 28, 28, 4, 0),
        Site.on_grid("late", "2", 32, 14, 14, 8, 0),
    ]
    assert store.load(documented) is host
    assert host.network(torch.zeros(1, 3, 112, 112)).shape == (1, 10)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("my_hosts.py:make_hots", r"no function 'make_hots'.*Did you mean 'make_host'\?"),
        ("mine.py:make_host", r"no file mine\.py"),
        ("my_hosts.py:nn", r"no function 'nn'"),
        ("my_hosts.py:PictureInput", r"PictureInput"),
    ],
)
def test_load_of_what_makes_no_host_is_refused(documented, name, message):
    if name.endswith("PictureInput"):
        Path("my_hosts.py").write_text("def PictureInput():\n    return 3\n")
        message = r"PictureInput\(\) gives a int; expected what host_from_module gives"
    trust(name)
    with pytest.raises(WorkbenchError, match=message):
        store.load(name)


def test_an_altered_file_is_another_host(documented):
    first = store.load(documented)
    Path("my_hosts.py").write_text(
        Path("my_hosts.py").read_text().replace("size_px=112", "size_px=96")
    )
    assert store.load(documented).site("late").height == 12 != first.site("late").height


def test_folder_names():
    assert folder_name("squeezenet") == "squeezenet"
    assert folder_name("my_hosts.py:make_host") == "my_hosts.make_host"
    assert folder_name("efficientnet-lite0@random:1") == "efficientnet-lite0@random-1"
    assert folder_name("my_hosts.py:make_host@random:3") == "my_hosts.make_host@random-3"
    alike = [
        "../theirs/hosts.py:trunk",
        "theirs/hosts.py:trunk",
        "theirs.hosts.py:trunk",
        "/theirs/hosts.py:trunk",
        "theirs/hosts.trunk.py:trunk",
    ]
    alike += [f"{name}@random:3" for name in alike]
    folders = [folder_name(name) for name in alike]
    assert len(set(folders)) == len(alike)
    assert not any("/" in folder or folder.startswith(".") for folder in folders)


def test_only_a_host_that_the_user_named_is_run(documented):
    """A circuit file may give any name: its code runs only if the user gave the name, too."""
    Path("theirs.py").write_text(
        "from pathlib import Path\n\nPath('sprung').touch()\n\n\ndef make_host():\n    return 3\n"
    )
    for name in ("theirs.py:make_host", "theirs.py:make_host@random:0", "./my_hosts.py:make_host"):
        expected = (
            r"would run code; expected a host that you named yourself.*Give --host .* to run it"
        )
        with pytest.raises(WorkbenchError, match=expected):
            store.load(name)
    assert not Path("sprung").exists()
    trust("theirs.py:make_host@random:0")
    assert "theirs.py:make_host" in named.TRUSTED
    with pytest.raises(WorkbenchError, match="gives a int"):
        store.load("theirs.py:make_host")
    assert Path("sprung").exists(), "the trap works"


def test_all_facts_of_a_host_are_among_its_facts(documented):
    """The weights stay as they are, and so the fingerprint; the file's hash is in the source."""
    first, text = store.load(documented), Path("my_hosts.py").read_text()
    Path("my_hosts.py").write_text(
        text.replace("mean_rgb=(117, 117, 117)", "mean_rgb=(110, 117, 117)")
    )
    second = store.load(documented)
    assert first.fingerprint == second.fingerprint
    assert first.facts != second.facts
    null = f"{documented}@random:0"
    assert store.load(null).input == second.input
    Path("my_hosts.py").write_text(text + "# the same\n")
    assert store.load(null).input == first.input
    assert store.load(documented).source != first.source
    Path("my_hosts.py").write_text(text)
    assert store.load(documented).facts == first.facts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\n\nimport nowhere_to_be_found\n",
            r"faulty\.py:3: ModuleNotFoundError: No module named 'nowhere_to_be_found'",
        ),
        ("\ndef make_host(:\n", r"faulty\.py:2: SyntaxError"),
        (
            "def make_host():\n    x = {}\n    return x['weights']\n",
            r"faulty\.py:3: KeyError: 'weights'",
        ),
        ("import sys\nsys.exit(1)\n", r"faulty\.py:2: SystemExit: 1"),
    ],
)
def test_load_of_a_faulty_file_names_its_line(documented, text, message):
    Path("faulty.py").write_text(text)
    trust("faulty.py:make_host")
    before = list(sys.path)
    with pytest.raises(WorkbenchError, match=message):
        store.load("faulty.py:make_host")
    assert sys.path == before


LOADED = """\
from workbench.hosts.named import trust
from workbench.hosts.store import load
trust({0!r})
print(load({0!r}).fingerprint)
"""


def test_a_file_may_import_its_neighbour(documented, tmp_path):
    """In a new process and another folder, where the neighbour was not imported before."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "neighbour.py").write_text(
        Path("my_hosts.py").read_text().replace('"my_network', f'"{tmp_path}/my_network')
    )
    (tmp_path / "front.py").write_text(
        "def make_host():\n    from neighbour import make_host\n\n    return make_host()\n"
    )
    code = LOADED.format("../front.py:make_host")
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path / "elsewhere",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout.strip() == store.load(documented).fingerprint, ran.stderr


@pytest.mark.full
def test_a_file_whose_neighbour_was_altered_makes_another_host(documented, tmp_path):
    """The weights are the same, but results kept of one host are not those of the other."""
    neighbour = tmp_path / "neighbour.py"
    (tmp_path / "front.py").write_text("from neighbour import make_host\n")
    code = LOADED.format("front.py:make_host").replace("fingerprint", "facts")

    def facts() -> str:
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert "made by front.py with SHA-256 " in ran.stdout, ran.stderr
        return ran.stdout

    neighbour.write_text(Path("my_hosts.py").read_text())
    first = facts()
    assert facts() == first
    neighbour.write_text(Path("my_hosts.py").read_text() + "# altered\n")
    assert facts() != first


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
