"""Hosts in the cache: refused unless every byte is right."""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import safetensors.torch
import torch

from tests.conftest import tiny_network
from workbench.errors import WorkbenchError
from workbench.files import CACHE_VARIABLE, cache_folder
from workbench.hosts import store
from workbench.hosts.recipe import Recipe

FILES = {"weights.bin": b"the weights", "biases.bin": b"the biases", "names.txt": b"n1 n2 n3 n4 n5"}


def tiny_recipe(squeezenet_recipe: Recipe) -> Recipe:
    """A recipe of three small files that converts to a tiny network."""
    state = dict(tiny_network(seed=1).state_dict())
    content = safetensors.torch.save(state, {store.CLASSES_KEY: "n1 n2 n3 n4 n5"})

    def fetch(directory):
        directory.mkdir(parents=True, exist_ok=True)
        for name, data in FILES.items():
            (directory / name).write_bytes(data)

    return replace(
        squeezenet_recipe,
        name="tiny",
        fingerprint=hashlib.sha256(content).hexdigest(),
        files={name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()},
        build=tiny_network,
        convert=lambda directory: state,
        classes=lambda directory: tuple((directory / "names.txt").read_text().split()),
        fetch=fetch,
    )


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> Recipe:
    """A recipe in the registry and an empty cache."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    recipe = tiny_recipe(store.RECIPES["squeezenet"])
    monkeypatch.setitem(store.RECIPES, "tiny", recipe)
    return recipe


@pytest.fixture
def files(tiny, tmp_path):
    """The tiny host's published files."""
    tiny.fetch(tmp_path / "files")
    return tmp_path / "files"


def test_add_then_load(tiny, files):
    assert store.add("tiny", files) == store.weights_file("tiny")
    host = store.load("tiny")
    assert host.fingerprint == tiny.fingerprint
    assert host.classes == ("n1", "n2", "n3", "n4", "n5")
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(
        host.network(x), tiny_network(seed=1).to(memory_format=torch.channels_last)(x)
    )
    torch.testing.assert_close(host.network(x), tiny_network(seed=1)(x))
    assert store.load("tiny") is host


def test_loading_leaves_the_random_numbers_alone(tiny, files):
    store.add("tiny", files)
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    store.load("tiny")
    assert torch.equal(torch.rand(3), expected)


def test_every_wrong_file_is_named_at_once_and_nothing_kept(tiny, files):
    (files / "weights.bin").write_bytes(b"the weightz")
    (files / "names.txt").unlink()
    with pytest.raises(WorkbenchError) as error:
        store.add("tiny", files)
    assert "missing: names.txt; altered: weights.bin" in str(error.value)
    assert "biases.bin" not in str(error.value)
    assert "workbench hosts pull tiny" in str(error.value)
    assert not store.weights_file("tiny").exists()


def test_add_of_no_folder(tiny, tmp_path):
    with pytest.raises(WorkbenchError, match="is no folder"):
        store.add("tiny", tmp_path / "nowhere")


def test_another_conversion_is_refused(tiny, files, monkeypatch):
    monkeypatch.setitem(
        store.RECIPES,
        "tiny",
        replace(tiny, convert=lambda directory: dict(tiny_network(seed=2).state_dict())),
    )
    with pytest.raises(WorkbenchError, match="convert to other weights"):
        store.add("tiny", files)
    assert not store.weights_file("tiny").exists()


def one_bit(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "damage", [one_bit, lambda content: content[: len(content) // 2], lambda content: b""]
)
def test_a_damaged_cache_is_refused_and_mended_by_pull(tiny, files, damage):
    file = store.add("tiny", files)
    store.load("tiny")
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(WorkbenchError, match=r"altered or cut short.*hosts pull tiny"):
        store.load("tiny")
    assert not store.intact("tiny")
    assert store.pull("tiny")
    assert store.load("tiny").fingerprint == tiny.fingerprint


def test_pull_does_nothing_where_all_is_well(tiny, monkeypatch):
    assert store.pull("tiny") is True
    assert not (cache_folder() / "downloads" / "tiny").exists()

    def fetch(directory):
        raise AssertionError("fetched again")

    monkeypatch.setitem(store.RECIPES, "tiny", replace(tiny, fetch=fetch))
    assert store.pull("tiny") is False


def test_a_host_that_is_not_installed_says_how(tiny):
    remedy = (
        r"host inceptionv1: is not installed.*hosts pull inceptionv1.*hosts add inceptionv1 DIR"
    )
    with pytest.raises(WorkbenchError, match=remedy):
        store.load("inceptionv1")


@pytest.mark.parametrize(
    "command", [store.load, store.pull, store.intact, lambda name: store.add(name, "somewhere")]
)
def test_a_misspelt_host_gets_a_suggestion(command):
    with pytest.raises(WorkbenchError, match=r"no host 'squeezent'\. Did you mean 'squeezenet'"):
        command("squeezent")


def test_installed_lists_every_host(tiny):
    rows = {row.name: row for row in store.installed()}
    assert list(rows) == list(store.RECIPES)
    assert next(iter(rows)) == "squeezenet"
    assert (rows["inceptionv1"].installed, rows["inceptionv1"].sites) == (False, 12)
    store.pull("tiny")
    assert [row.name for row in store.installed() if row.installed] == ["tiny"]


@pytest.mark.inceptionv1
def test_inceptionv1_refuses_an_altered_dump(shared, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    dump = tmp_path / "dump"
    shutil.copytree(shared / "networks" / "inceptionv1", dump, copy_function=shutil.copyfile)
    dump.chmod(0o755)
    content = (dump / "mixed3a_1x1_w.h5").read_bytes()
    (dump / "mixed3a_1x1_w.h5").write_bytes(one_bit(content))
    (dump / "mixed5b_5x5_b.h5").unlink()
    with pytest.raises(
        WorkbenchError,
        match=r"missing: mixed5b_5x5_b.h5; altered: mixed3a_1x1_w.h5; expected the 117 files",
    ):
        store.add("inceptionv1", dump)


@pytest.mark.inceptionv1
def test_inceptionv1_converts_to_its_fingerprint(shared, tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    store.add("inceptionv1", shared / "networks" / "inceptionv1")
    assert store.intact("inceptionv1")


def test_loading_a_host_imports_no_network_library(squeezenet):
    script = (
        "import sys; from workbench.hosts import load; load('squeezenet')\n"
        "libraries = ('h5py', 'requests', 'rich', 'matplotlib', 'cupy')\n"
        "print([name for name in libraries if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
