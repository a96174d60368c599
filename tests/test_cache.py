"""Kept entries: bounded, whole or absent, safe with two processes, and forgotten on request."""

import ast
import errno
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from workbench import code
from workbench.cache import (
    LIMIT_FILE,
    LIMIT_GIB,
    Cache,
    Kept,
    cache_key,
    clear,
    command_cache,
    forget,
    kinds,
    limit_gib,
    opened,
    sealed,
)
from workbench.hosts.named import cache_of
from workbench.scratch import PREFIX, SUFFIX

ONE = {"value": np.arange(200, dtype=np.float32)}
BYTES = len(sealed(ONE, "site/key"))
MANY = 1 << 30


def filled(folder: Path, count: int) -> Cache:
    """Entries "0", "1", ...; each last used long ago, a second after the one before."""
    cache = Cache(folder, MANY)
    for i in range(count):
        cache.write("site", cache_key(i), ONE)
        os.utime(cache._path("site", cache_key(i)), (1e9 + i, 1e9 + i))
    return cache


def there(folder: Path, count: int) -> list[int]:
    return [i for i in range(count) if Cache(folder, MANY).read("site", cache_key(i)) is not None]


def test_what_was_written_is_read_back_and_nothing_else(tmp_path):
    cache = filled(tmp_path, 2)
    assert cache.read("site", cache_key(0))["value"].tolist() == ONE["value"].tolist()
    assert cache.read("rows", cache_key(0)) is None
    assert cache.read("site", cache_key(2)) is None
    assert kinds(tmp_path) == {"site": (2, 2 * BYTES)}


DAMAGES = {
    "cut short": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "one bit": lambda content: content[:-9] + bytes([content[-9] ^ 64]) + content[-8:],
    "something else": lambda content: b"no entry at all",
    "a pickle": lambda content: b"\x80\x04cos\nsystem\n",
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_entry_is_absent_and_is_written_again(tmp_path, name):
    cache = filled(tmp_path, 1)
    path = cache._path("site", cache_key(0))
    path.write_bytes(DAMAGES[name](path.read_bytes()))
    assert cache.read("site", cache_key(0)) is None
    cache.write("site", cache_key(0), ONE)
    assert there(tmp_path, 1) == [0]


def test_an_entry_at_the_place_of_another_key_or_kind_is_absent(tmp_path):
    cache = filled(tmp_path, 1)
    entry = cache._path("site", cache_key(0)).read_bytes()
    for kind, key in (("site", cache_key(1)), ("rows", cache_key(0))):
        path = cache._path(kind, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry)
        assert cache.read(kind, key) is None
    assert cache.read("site", cache_key(0)) is not None


def test_a_kept_step_at_the_place_of_another_is_computed_again(tmp_path):
    cache = Cache(tmp_path, MANY)
    kept = Kept(cache, "steps", "a run")
    kept.figures("first", lambda: [1])
    kept.figures("second", lambda: [2])
    first, second = (cache._path("steps", cache_key("a run", name)) for name in ("first", "second"))
    shutil.copy(first, second)
    assert kept.figures("second", lambda: [2]) == [2]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("2.5\n", 2.5),
        ("0", 0),
        *((bad, LIMIT_GIB) for bad in ("nan", "inf", "-1", "1e400", "x", "")),
    ],
)
def test_limit_gib_garbage_is_the_default(tmp_path, monkeypatch, text, limit):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / LIMIT_FILE).write_text(text)
    assert limit_gib(tmp_path / "kept") == limit
    assert command_cache("run").limit == int((limit or LIMIT_GIB) * (1 << 30))


def test_a_cache_above_its_limit_on_a_read_only_disk_is_read_and_not_written(tmp_path, monkeypatch):
    filled(tmp_path, 3)

    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    for place in ("pathlib.Path.unlink", "os.unlink", "os.utime", "tempfile.mkstemp"):
        monkeypatch.setattr(place, refuse)
    cache = Cache(tmp_path, BYTES)
    assert cache.read("site", cache_key(0)) is not None
    cache.write("site", cache_key(9), ONE)
    assert cache.read("site", cache_key(9)) is None
    assert clear(tmp_path) == 0


def test_cache_key_takes_names_that_are_no_utf8():
    names = "a\udcff", "a\udcfe", "a\ud800", "a\\udcff"
    assert len({cache_key(name) for name in names}) == len(names)


def test_scratch_of_a_killed_run_is_no_entry_and_is_removed(tmp_path):
    filled(tmp_path, 1)
    left = tmp_path / "site" / f"{PREFIX}left{SUFFIX}"
    left.write_bytes(b"x" * 100)
    assert kinds(tmp_path) == {"site": (1, BYTES)}
    assert not left.exists()


def test_what_was_not_used_for_the_longest_time_goes_first(tmp_path):
    filled(tmp_path, 10)
    cache = Cache(tmp_path, 10 * BYTES)
    assert cache.read("site", cache_key(0)) is not None  # the oldest, but used now
    cache.write("site", cache_key(10), ONE)
    left = there(tmp_path, 11)
    assert {0, 9, 10} <= set(left)
    assert 1 not in left
    assert sum(size for _, size in kinds(tmp_path).values()) <= 10 * BYTES


def test_what_this_process_used_stays_and_what_does_not_fit_is_not_kept(tmp_path):
    """Otherwise a run over more pictures than fit would throw each out before it comes again."""
    cache = Cache(tmp_path, 4 * BYTES)
    for i in range(10):
        cache.write("site", cache_key(i), ONE)
    assert there(tmp_path, 10) == [0, 1, 2, 3]


def test_a_limit_of_nothing_keeps_nothing_and_forgets_what_there_was(tmp_path):
    filled(tmp_path, 2)
    nothing = Cache(tmp_path, 0)
    assert kinds(tmp_path) == {}
    nothing.write("site", cache_key(0), ONE)
    assert kinds(tmp_path) == {}
    Cache(tmp_path, MANY).write("site", cache_key(0), ONE)  # by another process that has a limit
    assert nothing.read("site", cache_key(0)) is None


def test_a_lower_limit_holds_from_the_start(tmp_path):
    filled(tmp_path, 10)
    Cache(tmp_path, 5 * BYTES)
    assert there(tmp_path, 10) == [6, 7, 8, 9]


@pytest.mark.parametrize(
    ("no_cache", "limit", "host"),
    [(True, "1", "squeezenet"), (False, "1", "mine.py:host"), (False, "0", "squeezenet")],
)
def test_what_is_not_to_outlive_a_run_is_read_by_that_run_alone_until_it_is_complete(
    tmp_path, monkeypatch, no_cache, limit, host
):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / LIMIT_FILE).write_text(limit)

    def is_kept(run: str, no_cache: bool = no_cache, host: str = host) -> bool:
        return cache_of(host, command_cache(run, no_cache)).read("site", "key") is not None

    cache_of(host, command_cache("run", no_cache)).write("site", "key", ONE)
    assert kinds(tmp_path / "kept") == {}
    assert is_kept("run")
    assert not is_kept("another run")
    assert not is_kept("run", False, "squeezenet") or limit == "0"
    forget(command_cache("run", no_cache))
    assert not is_kept("run")


def test_a_run_without_a_cache_reads_nothing_that_others_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    command_cache("run").write("site", "key", ONE)
    assert command_cache("run").read("site", "key") is not None
    assert command_cache("run", no_cache=True).read("site", "key") is None


def test_all_unfinished_runs_have_one_bound(tmp_path, monkeypatch):
    """Of a run that nobody went on with nothing is left when others need the room."""
    cache = Cache(tmp_path, 2 * BYTES, "first")
    cache.write("site", "key", ONE)
    os.utime(cache._path("site", "key"), (1e9, 1e9))
    second = Cache(tmp_path, 2 * BYTES, "second")
    for i in range(2):
        second.write("site", cache_key(i), ONE)
    assert cache.read("site", "key") is None
    assert all(second.read("site", cache_key(i)) for i in range(2))


def test_on_a_machine_where_nobody_would_forget_a_run_nothing_of_it_is_kept(tmp_path):
    """Workers on the machine of the command keep, others do not: its folder is not there."""
    sent = pickle.dumps(Cache(tmp_path, 2 * BYTES, "run"))
    pickle.loads(sent).write("site", "key", ONE)
    assert pickle.loads(sent).read("site", "key") is not None
    forget(pickle.loads(sent))
    elsewhere = pickle.loads(sent)
    elsewhere.write("site", "key", ONE)
    assert elsewhere.read("site", "key") is None
    assert not any(tmp_path.iterdir())


def test_two_that_write_keep_one_bound(tmp_path):
    limit = 20 * BYTES
    one, other = Cache(tmp_path, limit), Cache(tmp_path, limit)
    for i in range(15):
        one.write("site", cache_key(i), ONE)
        other.write("site", cache_key(100 + i), ONE)
    assert 18 * BYTES <= sum(size for _, size in kinds(tmp_path).values()) <= limit


def test_an_entry_that_cannot_be_marked_as_used_is_sound(tmp_path, monkeypatch):
    cache = filled(tmp_path, 1)

    def refuse(*_):
        raise PermissionError(errno.EPERM, "not yours")

    monkeypatch.setattr("workbench.cache.os.utime", refuse)
    assert cache.read("site", cache_key(0))["value"].tolist() == ONE["value"].tolist()


def test_an_entry_may_be_read_by_others(tmp_path):
    cache = filled(tmp_path, 1)
    assert cache._path("site", cache_key(0)).stat().st_mode & 0o777 == 0o644


FAULTS = {
    "no space": (errno.ENOSPC, True),
    "no right": (errno.EACCES, True),
    "some fault": (errno.EIO, False),
}


@pytest.mark.parametrize("name", FAULTS)
def test_only_what_lasts_ends_the_writing(tmp_path, monkeypatch, name):
    number, full = FAULTS[name]
    with monkeypatch.context() as patch:
        patch.setattr(
            "workbench.scratch.os.replace", lambda *_: (_ for _ in ()).throw(OSError(number, name))
        )
        cache = Cache(tmp_path, MANY)
        cache.write("site", cache_key(0), ONE)
    assert (kinds(tmp_path), cache.full) == ({}, full)
    cache.write("site", cache_key(1), ONE)
    assert there(tmp_path, 2) == ([] if full else [1])


def test_a_folder_that_is_cleared_meanwhile_is_made_again(tmp_path, monkeypatch):
    cache, made, mkstemp = Cache(tmp_path, MANY), [], tempfile.mkstemp

    def cleared_once(dir, **options):
        if not made:
            made.append(1)
            shutil.rmtree(dir)
        return mkstemp(dir=dir, **options)

    monkeypatch.setattr("workbench.scratch.tempfile.mkstemp", cleared_once)
    cache.write("site", cache_key(0), ONE)
    assert (there(tmp_path, 1), cache.full) == ([0], False)


def test_what_computes_is_known_without_a_distribution_of_that_name(monkeypatch):
    monkeypatch.setattr(code, "PACKAGES", {"no-such-distribution": "numpy"})
    other = code.code_version.__wrapped__()
    monkeypatch.setattr("numpy.__version__", "0")
    assert code.code_version.__wrapped__() != other


CARRY = {
    "tokenizers",  # the tokens that it makes are in the keys
    "array_api_compat",
    "h5py",
    "jaxtyping",
    "markupsafe",
    "pydantic",
    "requests",
    "platformdirs",
    "ray",
    "rich",
    "safetensors",
    "threadpoolctl",
    "urllib3",
    "yaml",
}  # compute no figure


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("cli/score.py", False),
        ("terminal/options.py", False),
        ("report/table.py", False),
        ("analyses/claims/command.py", False),
        ("analyses/claims/table.py", False),
        ("analyses/registry.py", False),
        ("analyses/claims/figures.py", True),
        ("theory/table.py", True),
        ("rebuild.py", True),
        ("evaluate/run.py", True),
    ],
)
def test_code_version_edited_file_changes_where_it_computes(tmp_path, monkeypatch, file, changes):
    root = tmp_path / "workbench"
    shutil.copytree(code.ROOT, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "ROOT", root)
    before, whole = code.code_version.__wrapped__(), code.source_version.__wrapped__()
    (root / file).write_text("# edited")
    assert (code.code_version.__wrapped__() != before) == changes
    assert code.source_version.__wrapped__() != whole


def test_all_that_figures_are_computed_with_is_known():
    """Every package that the computing modules import is known, but those that only carry."""
    files = [file for file in code._sources() if not code._only_displays(file)]
    nodes = [
        node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    ]
    names = [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    imports = {name.partition(".")[0] for name in names}
    assert imports - sys.stdlib_module_names - {"workbench", "cupy", *CARRY} == set(
        code.PACKAGES.values()
    )


def test_what_computes_is_what_was_loaded_first(tmp_path):
    """A file that is edited after the start did not compute what follows."""
    shutil.copytree(
        Path(code.__file__).parent,
        tmp_path / "workbench",
        ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"),
    )
    program = """
import sys
from pathlib import Path
from click.testing import CliRunner
from workbench.cli import main
assert Path(sys.argv[1]) in Path(sys.modules["workbench"].__file__).parents
CliRunner().invoke(main, ["hosts", "--help"])
from workbench.code import code_version
Path(sys.argv[1], "workbench", "rebuild.py").write_text("# edited")
print(code_version() == code_version.__wrapped__(), "torch" in sys.modules)
"""
    environment = {
        **os.environ,
        "PYTHONPATH": str(tmp_path),
        "WORKBENCH_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.stdout.split() == ["False", "False"], done.stderr


def test_a_full_disk_is_no_error_and_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("workbench.scratch.os.replace", full)
    cache = Cache(tmp_path, MANY)
    cache.write("site", cache_key(0), ONE)
    assert (kinds(tmp_path), cache.full) == ({}, True)


def test_clear_forgets_all_but_the_limit(tmp_path):
    filled(tmp_path, 3)
    (tmp_path / "limit").write_text("2.5\n")
    assert clear(tmp_path) == 3 * BYTES
    assert (kinds(tmp_path), limit_gib(tmp_path)) == ({}, 2.5)


WRITER = """
import sys, numpy as np
from pathlib import Path
from workbench.cache import Cache, cache_key
cache = Cache(Path(sys.argv[1]), int(sys.argv[2]))
for i in range(150):
    key = cache_key(i % 30)
    cache.write("site", key, {"value": np.full(5000, i % 30, np.float32)})
    found = cache.read("site", key)
    assert found is None or (found["value"] == i % 30).all()
    cache.since, cache.full = float('inf'), False  # everything may be dropped
    assert cache.limit // 50 < 20_000  # so all is counted before each entry
"""


def test_two_processes_may_write_read_and_drop_the_same_entries(tmp_path):
    command = [sys.executable, "-c", WRITER, str(tmp_path), str(20 * 20_300)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate()[1] for process in both] == ["", ""]
    assert [process.returncode for process in both] == [0, 0]
    entries, size = kinds(tmp_path)["site"]
    assert 0 < size <= (20 + 2) * 20_300  # each may have counted before the other wrote one
    assert entries > 10
    assert all(
        opened(file.read_bytes(), f"site/{file.name}") is not None
        for file in tmp_path.rglob("*")
        if file.is_file() and not file.name.endswith(".part")
    )


def test_without_the_cache_the_entries_of_earlier_runs_are_not_counted(tmp_path, monkeypatch):
    counted = []
    monkeypatch.setattr("workbench.cache._size", lambda folder: counted.append(folder) or 0)
    command_cache("run", no_cache=True)
    assert [folder.name for folder in counted] == ["unfinished"]
    command_cache("run")
    assert len(counted) == 3
