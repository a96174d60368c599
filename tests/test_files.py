"""Files and folders are there whole or not at all: after a full disk, an error, an interrupt."""

import errno
import hashlib
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.files import folder_written_whole, sha256, write_whole

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
LIMIT = 4096  # bytes that a file of the limited process may have


def everything(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize(
    ("content", "data"), [("π\n", b"\xcf\x80\n"), (b"\x00\r\n", b"\x00\r\n"), ("", b"")]
)
def test_writes_text_and_bytes_as_they_are(tmp_path, content, data):
    write_whole(tmp_path / "new" / "folder" / "file", content)
    assert everything(tmp_path) == {"new/folder/file": data}
    assert os.stat(tmp_path / "new" / "folder" / "file").st_mode & 0o777 == 0o644


def test_replaces_an_old_file(tmp_path):
    (tmp_path / "file").write_text("old and longer")
    write_whole(tmp_path / "file", "new")
    assert everything(tmp_path) == {"file": b"new"}


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_the_old_file_stands_when_a_step_fails(tmp_path, monkeypatch, step, error):
    file = tmp_path / "file"
    file.write_text("old")

    def fail(*_):
        raise error

    if step == "write":
        real = os.fdopen

        def opened(*arguments):
            stream = real(*arguments, buffering=0)

            class Failing:
                __enter__ = lambda self: self  # noqa: E731
                __exit__ = lambda self, *_: stream.close()  # noqa: E731
                write = fail

            return Failing()

        monkeypatch.setattr(os, "fdopen", opened)
    else:
        monkeypatch.setattr(os, step, fail)
    if error is FULL:
        with pytest.raises(WorkbenchError) as caught:
            write_whole(file, "new")
        assert (
            str(caught.value) == f"{file}: cannot be written (No space left on device). "
            "Free some space or choose another place."
        )
    else:
        with pytest.raises(KeyboardInterrupt):
            write_whole(file, "new")
    assert everything(tmp_path) == {"file": b"old"}


def limited(code: str, *arguments: Path) -> subprocess.CompletedProcess:
    """Run code in a process that may write no file of more than LIMIT bytes."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT)),
    )


WRITE = """
import sys
from pathlib import Path
from workbench.errors import WorkbenchError
from workbench.files import write_whole
write_whole(Path(sys.argv[1]), b"a" * 4096)
try:
    write_whole(Path(sys.argv[1]), b"b" * 4097)
except WorkbenchError as error:
    print(error)
"""


def test_the_old_file_stands_on_a_disk_that_is_really_full(tmp_path):
    run = limited(WRITE, tmp_path / "file")
    assert (
        run.stdout == f"{tmp_path / 'file'}: cannot be written (File too large). "
        "Free some space or choose another place.\n"
    ), run.stderr
    assert everything(tmp_path) == {"file": b"a" * LIMIT}


@pytest.mark.parametrize("place", ["file/below", "folder"])
def test_a_place_that_cannot_be_written(tmp_path, place):
    (tmp_path / "file").write_text("a file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(WorkbenchError, match="cannot be written"):
        write_whole(tmp_path / place, "new")
    assert everything(tmp_path) == {"file": b"a file"}


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1])
def test_sha256(tmp_path, size):
    (tmp_path / "file").write_bytes(b"x" * size)
    assert sha256(tmp_path / "file") == hashlib.sha256(b"x" * size).hexdigest()


def test_a_folder_appears_at_the_end(tmp_path):
    with folder_written_whole(tmp_path / "deep" / "out", "score.json") as folder:
        (folder / "score.json").write_text("{}")
        assert not (tmp_path / "deep" / "out").exists()
    assert everything(tmp_path) == {"deep/out/score.json": b"{}"}
    assert os.stat(tmp_path / "deep" / "out").st_mode & 0o777 == 0o755


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize(
    "error", [ValueError, KeyboardInterrupt, SystemExit, WorkbenchError("there", "wrong"), FULL]
)
def test_a_folder_vanishes_when_its_block_fails(tmp_path, error, earlier):
    out = tmp_path / "out"
    if earlier:
        out.mkdir()
        (out / "score.json").write_text("old")
    before = everything(tmp_path)

    def block():
        with folder_written_whole(out, "score.json") as folder:
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
    out.mkdir()
    for name in ("score.json", "old.png"):
        (out / name).write_text("old")
    with folder_written_whole(out, "score.json") as folder:
        (folder / "score.json").write_text("new")
        assert (out / "old.png").exists()
    assert everything(tmp_path) == {"out/score.json": b"new"}
    assert list(tmp_path.iterdir()) == [out]


def test_an_earlier_result_stands_when_the_last_step_fails(tmp_path, monkeypatch):
    out = tmp_path / "out"
    out.mkdir()
    (out / "score.json").write_text("old")
    real = os.replace

    def replace(source, target):
        if ".part" in str(source):
            raise FULL
        real(source, target)

    def block():
        with folder_written_whole(out, "score.json") as folder:
            (folder / "score.json").write_text("new")
            monkeypatch.setattr(os, "replace", replace)

    with pytest.raises(WorkbenchError, match="No space left"):
        block()
    assert everything(tmp_path) == {"out/score.json": b"old"}
    assert list(tmp_path.iterdir()) == [out]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    with folder_written_whole(tmp_path / "out", "score.json") as folder:
        (folder / "score.json").write_text("new")
    assert everything(tmp_path) == {"out/score.json": b"new"}


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_earlier_result_is_refused_before_any_work(tmp_path, kind):
    out = tmp_path / "out"
    if kind == "folder":
        out.mkdir()
        (out / "thesis.tex").write_text("years")
    else:
        out.write_text("years")
    before = everything(tmp_path)
    with (
        pytest.raises(
            WorkbenchError,
            match=r"is there already and is no earlier result \(no score.json in it\). Choose",
        ),
        folder_written_whole(out, "score.json"),
    ):
        pytest.fail("the block must not run")
    assert everything(tmp_path) == before


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("a file")
    with (
        pytest.raises(WorkbenchError, match="cannot be written"),
        folder_written_whole(tmp_path / "file" / "out", "score.json"),
    ):
        pytest.fail("the block must not run")


WRITE_FOLDER = """
import sys
from pathlib import Path
from workbench.errors import WorkbenchError
from workbench.files import folder_written_whole, write_whole
try:
    with folder_written_whole(Path(sys.argv[1]), "score.json") as folder:
        write_whole(folder / "score.json", b"a" * 100)
        write_whole(folder / "report.html", b"b" * 5000)
except WorkbenchError as error:
    print(error)
"""


def test_no_half_of_a_folder_on_a_disk_that_is_really_full(tmp_path):
    run = limited(WRITE_FOLDER, tmp_path / "out")
    assert "cannot be written (File too large)" in run.stdout, run.stderr
    assert list(tmp_path.iterdir()) == []
