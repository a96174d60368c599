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
from workbench.files import cache_folder, sha256, write_whole
from workbench.scratch import PREFIX, SUFFIX, scratch_folder

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


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()])
def test_the_old_file_stands_when_a_step_fails(tmp_path, monkeypatch, step, error):
    file = tmp_path / "file"
    file.write_text("old")

    def fail(*_):
        raise error

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


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("a file")
    with pytest.raises(WorkbenchError, match="cannot be written"):
        write_whole(tmp_path / "file" / "below", "new")
    assert everything(tmp_path) == {"file": b"a file"}


@pytest.mark.parametrize("size", [0, 1, (1 << 20) + 1])
def test_sha256(tmp_path, size):
    (tmp_path / "file").write_bytes(b"x" * size)
    assert sha256(tmp_path / "file") == hashlib.sha256(b"x" * size).hexdigest()


def test_write_whole_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/file")
    for text in ("dangling before", "there before"):
        write_whole(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert everything(tmp_path / "real") == {"file": text.encode()}
        assert not list(tmp_path.glob(".*"))


def test_write_whole_old_file_keeps_its_mode(tmp_path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o600)
    write_whole(tmp_path / "file", "new")
    assert os.stat(tmp_path / "file").st_mode & 0o777 == 0o600


def test_write_whole_device_is_written_and_stays(tmp_path):
    device = tmp_path / "null"
    device.symlink_to("/dev/null")  # never the device itself, in case this fails
    before = os.stat("/dev/null")
    write_whole(device, "text")
    assert os.path.samestat(before, os.stat("/dev/null"))
    done = subprocess.run(
        [sys.executable, "-c", "from workbench.files import *; write_whole('/dev/stdout', 'x')"],
        capture_output=True,
    )
    assert (done.stdout, done.stderr) == (b"x", b"")


@pytest.mark.parametrize("kind", ["a folder", "a named pipe", "a loop", "a long name", "no right"])
def test_write_whole_place_of_another_kind_is_refused(tmp_path, monkeypatch, kind):
    file = tmp_path / "file"
    message = f"is {kind}"
    if kind == "a folder":
        file.mkdir()
    elif kind == "a named pipe":
        os.mkfifo(file)
    elif kind == "a loop":
        file.symlink_to("file")
        message = "Too many levels"
    elif kind == "a long name":
        file, message = tmp_path / ("x" * 300), "File name too long"
    else:
        file.write_text("mine")
        monkeypatch.setattr(os, "access", lambda *_: False)
        message = "Permission denied"
    with pytest.raises(WorkbenchError, match=message):
        write_whole(file, "new")
    assert len(list(tmp_path.iterdir())) == (kind != "a long name")


@pytest.mark.parametrize(
    ("text", "data"), [("bad\udcff.png", b"bad\\udcff.png"), ("\ud800", b"\\ud800")]
)
def test_write_whole_text_that_is_no_utf8_is_escaped(tmp_path, text, data):
    write_whole(tmp_path / "file", text)
    assert (tmp_path / "file").read_bytes() == data


def test_write_whole_scratch_of_a_killed_run_is_removed_and_that_of_a_live_one_stays(tmp_path):
    (tmp_path / f"{PREFIX}dead{SUFFIX}").write_text("half")
    with scratch_folder(tmp_path) as live:
        write_whole(tmp_path / "file", "new")
        assert sorted(tmp_path.iterdir()) == sorted([live, tmp_path / "file"])


@pytest.mark.parametrize("place", ["~nosuchuser/x", "FILE", "FILE/below", "LONG"])
def test_cache_folder_that_can_be_no_folder_is_refused(tmp_path, monkeypatch, place):
    (tmp_path / "file").write_text("mine")
    place = place.replace("FILE", str(tmp_path / "file")).replace("LONG", "x" * 300)
    monkeypatch.setenv("WORKBENCH_CACHE", place)
    with pytest.raises(WorkbenchError, match=r"^WORKBENCH_CACHE=.*expected a folder. Set WORK"):
        cache_folder()


@pytest.mark.parametrize("place", ["", "relative/folder"])
def test_cache_folder_need_not_exist(monkeypatch, place):
    monkeypatch.setenv("WORKBENCH_CACHE", place)
    assert (str(cache_folder()) == place) == bool(place)
