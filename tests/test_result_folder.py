"""An output folder holds an earlier result or a new one, whole, and never loses a user's files."""

import errno
import os
import threading
from pathlib import Path

import pytest

from tests.fuzz.kills import kill_at_each_write
from tests.test_files import FULL, everything, limited
from workbench import result_folder, scratch
from workbench.errors import WorkbenchError
from workbench.manifest import MANIFEST
from workbench.result_folder import folder_written_whole


def result(out: Path, text: str, *names: str) -> None:
    """Write a result of some files to a folder, as a command does."""
    with folder_written_whole(out) as folder:
        for name in ("score.json", *names):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the records of results."""
    return {name: data for name, data in everything(folder).items() if not name.endswith(MANIFEST)}


def test_a_folder_appears_at_the_end(tmp_path):
    with folder_written_whole(tmp_path / "deep" / "out") as folder:
        (folder / "score.json").write_text("{}")
        assert not (tmp_path / "deep" / "out").exists()
    assert files(tmp_path) == {"deep/out/score.json": b"{}"}
    assert os.stat(tmp_path / "deep" / "out").st_mode & 0o777 == 0o755


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize(
    "error", [ValueError, KeyboardInterrupt, SystemExit, WorkbenchError("there", "wrong"), FULL]
)
def test_a_folder_vanishes_when_its_block_fails(tmp_path, error, earlier):
    out = tmp_path / "out"
    if earlier:
        result(out, "old")
    before = everything(tmp_path)

    def block():
        with folder_written_whole(out) as folder:
            (folder / "score.json").write_text("half")
            raise error

    with pytest.raises(WorkbenchError if error is FULL else BaseException) as caught:
        block()
    if error is FULL:
        assert str(caught.value).startswith(f"{out}: cannot be written (No space left on device)")
    else:
        assert caught.type is error or caught.value is error
    assert everything(tmp_path) == before
    assert sorted(tmp_path.iterdir()) == ([out] if earlier else [])


def test_an_earlier_result_is_replaced_whole(tmp_path):
    out = tmp_path / "out"
    result(out, "old", "old.png")
    out.chmod(0o750)
    with folder_written_whole(out) as folder:
        (folder / "score.json").write_text("new")
        assert (out / "old.png").exists()
    assert files(tmp_path) == {"out/score.json": b"new"}
    assert list(tmp_path.iterdir()) == [out]
    assert os.stat(out).st_mode & 0o777 == 0o750


@pytest.mark.parametrize("name", ["put_in_place", "refuse_users_files"])
def test_an_earlier_result_stands_when_the_last_step_fails(tmp_path, monkeypatch, name):
    out, real = tmp_path / "out", getattr(result_folder, name)
    result(out, "old")
    calls = []

    def fails(*arguments):
        calls.append(arguments)
        if name == "put_in_place" or len(calls) == 3:  # the third looks at what was exchanged
            raise FULL
        return real(*arguments)

    monkeypatch.setattr(result_folder, name, fails)
    with pytest.raises(WorkbenchError, match="No space left"):
        result(out, "new")
    assert files(tmp_path) == {"out/score.json": b"old"}
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    result(tmp_path / "out", "new")
    assert files(tmp_path) == {"out/score.json": b"new"}


def add_a_file(out: Path) -> str:
    (out / "notes.md").write_text("mine")
    return "holds notes.md, which the workbench did not write"


def add_a_folder(out: Path) -> str:
    (out / "src").mkdir()
    (out / "src" / "a.py").write_text("code")
    return "holds src/a.py, which"


def add_a_link(out: Path) -> str:
    (out / "data").symlink_to("/")
    return "holds data, which"


def edit_a_file(out: Path) -> str:
    (out / "score.json").write_text("mine")
    return "score.json in it was changed after the workbench wrote it"


def link_a_file(out: Path) -> str:
    (out / "score.json").rename(out.parent / "kept.json")
    (out / "score.json").symlink_to("../kept.json")
    return "score.json in it was changed"


def forget_the_record(out: Path) -> str:
    (out / MANIFEST).unlink()
    return f"holds score.json and is no earlier result (no {MANIFEST} in it). Choose another"


def damage_the_record(out: Path) -> str:
    (out / MANIFEST).write_text("[]")
    return "is no earlier result"


USERS = (
    add_a_file,
    add_a_folder,
    add_a_link,
    edit_a_file,
    link_a_file,
    forget_the_record,
    damage_the_record,
)


@pytest.mark.parametrize("during", [False, True])
@pytest.mark.parametrize("change", USERS)
def test_a_folder_with_users_files_is_refused_and_stays_as_it_is(tmp_path, change, during):
    """Before any work, and at the end if they came during the run."""
    out = tmp_path / "out"
    result(out, "old")

    def write():
        with folder_written_whole(out):
            assert during
            states.append((change(out), everything(tmp_path)))

    states = [] if during else [(change(out), everything(tmp_path))]
    with pytest.raises(WorkbenchError) as caught:
        write()
    message, before = states[0]
    assert message in str(caught.value)
    after = {name: data for name, data in everything(tmp_path).items() if ".part" not in name}
    assert after == {name: data for name, data in before.items() if ".part" not in name}
    assert not list(tmp_path.glob("*.part"))


def test_files_that_come_at_the_last_moment_stay(tmp_path, monkeypatch):
    out, real = tmp_path / "out", result_folder.put_in_place
    result(out, "old")

    def late(scratch: Path, target: Path) -> None:
        if not (scratch / "notes.md").exists():
            (target / "notes.md").write_text("mine")
        real(scratch, target)

    monkeypatch.setattr(result_folder, "put_in_place", late)
    with pytest.raises(WorkbenchError, match=r"holds notes.md"):
        result(out, "new")
    assert files(tmp_path) == {"out/score.json": b"old", "out/notes.md": b"mine"}


def test_a_deleted_file_of_an_earlier_result_is_no_users_file(tmp_path):
    result(tmp_path / "out", "old", "a.png")
    (tmp_path / "out" / "a.png").unlink()
    result(tmp_path / "out", "new")
    assert files(tmp_path) == {"out/score.json": b"new"}


def test_a_result_in_a_folder_of_a_result_is_not_lost(tmp_path):
    result(tmp_path / "out", "score")
    result(tmp_path / "out" / "claims", "claims")
    with pytest.raises(WorkbenchError, match=r"holds claims/.*which the workbench did not write"):
        result(tmp_path / "out", "new")
    assert files(tmp_path) == {"out/score.json": b"score", "out/claims/score.json": b"claims"}


@pytest.mark.parametrize("before", ["a result", "empty", "dangling"])
def test_a_linked_folder_is_written_through(tmp_path, before):
    real, out = tmp_path / "elsewhere" / "real", tmp_path / "out"
    real.parent.mkdir()
    out.symlink_to("elsewhere/real")
    if before == "a result":
        result(real, "old", "old.png")
    elif before == "empty":
        real.mkdir()
    result(Path(f"{out}/"), "new")
    assert out.is_symlink()
    assert files(real) == {"score.json": b"new"}
    assert sorted(tmp_path.rglob("*.part")) == []


def place_file(folder: Path) -> tuple[Path, str]:
    (folder / "out").write_text("years")
    return folder / "out", "is a file; expected a folder"


def place_pipe(folder: Path) -> tuple[Path, str]:
    os.mkfifo(folder / "out")
    return folder / "out", "is a file"


def place_loop(folder: Path) -> tuple[Path, str]:
    (folder / "out").symlink_to("out")
    return folder / "out", "Too many levels of symbolic links"


def place_below_a_file(folder: Path) -> tuple[Path, str]:
    (folder / "file").write_text("a file")
    return folder / "file" / "out", "cannot be written (Not a directory)"


def place_long(folder: Path) -> tuple[Path, str]:
    return folder / ("x" * 300), "File name too long"


def place_here(folder: Path) -> tuple[Path, str]:
    return Path(), "holds the current folder, and an output folder is replaced as a whole"


def place_above(folder: Path) -> tuple[Path, str]:
    return Path(".."), "holds the current folder"


def place_mounted(folder: Path) -> tuple[Path, str]:
    return Path("/proc"), "is a mount point, and an output folder is replaced as a whole. Name a"


PLACES = (
    place_file,
    place_pipe,
    place_loop,
    place_below_a_file,
    place_long,
    place_here,
    place_above,
    place_mounted,
)


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_cannot_be_an_output_folder_is_refused(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    out, message = place(tmp_path)
    names = sorted(tmp_path.iterdir())
    with pytest.raises(WorkbenchError) as caught, folder_written_whole(out):
        pytest.fail("the block must not run")
    assert message in str(caught.value)
    assert sorted(tmp_path.iterdir()) == names


def test_a_parent_that_cannot_be_written_is_named_before_any_work(tmp_path, monkeypatch):
    result(tmp_path / "out", "old")

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(scratch.tempfile, "mkdtemp", refuse)
    with (
        pytest.raises(WorkbenchError, match=rf"Permission denied.*is made in {tmp_path}"),
        folder_written_whole(tmp_path / "out"),
    ):
        pytest.fail("the block must not run")


@pytest.mark.parametrize("name", ["x" * 250, "bad\udcff", "two\nlines", "-o", "*?["])
def test_strange_names_of_an_output_folder(tmp_path, name):
    for text in ("old", "new"):
        result(tmp_path / name, text)
    assert files(tmp_path / name) == {"score.json": b"new"}
    assert len(list(tmp_path.iterdir())) == 1


def without_exchange(monkeypatch) -> None:
    def refuse(*_):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(scratch, "exchange", refuse)


@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("earlier", [True, False])
def test_two_runs_that_end_together_both_end_well(tmp_path, monkeypatch, earlier, exchanges):
    out, count = tmp_path / "out", 4
    barrier, errors = threading.Barrier(count), []
    if earlier:
        result(out, "old")
    if not exchanges:
        without_exchange(monkeypatch)

    def run(text: str) -> None:
        try:
            with folder_written_whole(out) as folder:
                (folder / "score.json").write_text(text)
                (folder / f"{text}.png").write_text(text)
                barrier.wait()
        except BaseException as error:
            errors.append(error)

    for _ in range(5):
        threads = [threading.Thread(target=run, args=(str(i),)) for i in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        last = (out / "score.json").read_text()
        assert files(out) == {"score.json": last.encode(), f"{last}.png": last.encode()}
    result(out, "after")
    assert list(tmp_path.iterdir()) == [out]


def test_a_result_within_the_scratch_folder_of_another_does_not_wait_forever(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "WAIT_S", 0.0)
    with folder_written_whole(tmp_path / "out") as outer:
        result(outer, "inner")
    assert files(tmp_path) == {"out/score.json": b"inner"}


def test_a_folder_that_is_held_is_removed_by_no_other_run(tmp_path):
    """An earlier result lies at the place of scratch while it is looked at once more."""
    earlier = tmp_path / f"{scratch.PREFIX}earlier{scratch.SUFFIX}"
    earlier.mkdir()
    with scratch.held(earlier):
        scratch.remove_abandoned(tmp_path)
        assert earlier.is_dir()
    scratch.remove_abandoned(tmp_path)
    assert not earlier.exists()


def test_scratch_of_a_killed_run_is_removed_and_that_of_a_live_run_stays(tmp_path):
    dead = tmp_path / f"{scratch.PREFIX}dead{scratch.SUFFIX}"
    with folder_written_whole(tmp_path / "one") as live:
        dead.mkdir()
        result(tmp_path / "other", "new")
        assert live.is_dir()
        assert not dead.exists()


REPLACE = """
import sys
from pathlib import Path
from workbench import result_folder, scratch
from workbench.files import write_whole
from workbench.result_folder import folder_written_whole
if sys.argv[2] == "in three steps":
    def exchange(*_): raise OSError(22, "no exchange")
    scratch.exchange = exchange
with folder_written_whole(Path(sys.argv[1])) as folder:
    write_whole(folder / "score.json", "new")
    (folder / "sub").mkdir()
    (folder / "sub" / "a.png").write_bytes(b"new")
"""


@pytest.mark.parametrize(
    "way", ["in one step", pytest.param("in three steps", marks=pytest.mark.full)]
)
def test_a_run_killed_at_each_of_its_writes_leaves_a_whole_result(tmp_path, way):
    place = tmp_path / "place"
    out, seen = place / "out", set()
    place.mkdir()
    result(out, "old", "old.png")
    old, new = {"score.json", "old.png"}, {"score.json", "sub/a.png"}

    def check(number: int) -> None:
        whole = set(files(out))
        seen.add(frozenset(whole))
        if way == "in one step":
            assert whole in (old, new)
        # the next run repairs what this one left, and finds its own kind alone
        with folder_written_whole(out) as folder:
            assert set(files(out)) in (old, new), number
            (folder / "score.json").write_text("old")
            (folder / "old.png").write_text("old")
        assert list(place.iterdir()) == [out]

    kills = kill_at_each_write(REPLACE, [out, way], place, check)
    assert kills > 10
    assert {frozenset(old), frozenset(new)} <= seen
    assert set(files(out)) == new
    assert list(place.iterdir()) == [out]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("a file")
    with (
        pytest.raises(WorkbenchError, match="cannot be written"),
        folder_written_whole(tmp_path / "file" / "out"),
    ):
        pytest.fail("the block must not run")


WRITE_FOLDER = """
import sys
from pathlib import Path
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.result_folder import folder_written_whole
try:
    with folder_written_whole(Path(sys.argv[1])) as folder:
        write_whole(folder / "score.json", b"a" * 100)
        write_whole(folder / "report.html", b"b" * 5000)
except WorkbenchError as error:
    print(error)
"""


def test_no_half_of_a_folder_on_a_disk_that_is_really_full(tmp_path):
    run = limited(WRITE_FOLDER, tmp_path / "out")
    assert "cannot be written (File too large)" in run.stdout, run.stderr
    assert list(tmp_path.iterdir()) == []
