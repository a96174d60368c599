"""Files of a folder: only regular ones are opened, and all that is not read is counted."""

import os
import socket
import time
from pathlib import Path

import pytest
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.vision.pictures import folder, skipped
from workbench.vision.pictures.files import FILE_MOST, listing, read, shown
from workbench.vision.pictures.formats import NoPictureError

CLASS, OTHER = "n01440764", "n02110341"
AT_ONCE_S = 5  # a pipe would be waited for without end, and a device read until memory ends
MANY, MANY_S = 5_000, 2  # seconds for as many names; with time as their square it is more


def save(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    Image.new("RGB", (4, 3), (1, 2, 3)).save(path, "PNG")
    return path


def outcome(path: Path, **options: bool) -> tuple[list[str], int, str]:
    """Names of the pictures, how many files were skipped, and the line about them."""
    lines: list[str] = []
    pictures = folder(path, tell=lines.append, **options)
    return [picture.name for picture in pictures], skipped(pictures), "\n".join(lines)


@pytest.fixture
def images(tmp_path):
    save(tmp_path / "images" / "a.png")
    return tmp_path / "images"


def fifo(path):
    os.mkfifo(path)


def linked_fifo(path):
    os.mkfifo(path.parents[1] / "fifo")
    path.symlink_to(path.parents[1] / "fifo")


def bound_socket(path):
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.path.relpath(path))  # a path of a socket has at most 107 bytes


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.symlink_to("/dev/zero"), "no regular file"),
        (fifo, "no regular file"),
        (linked_fifo, "no regular file"),
        (bound_socket, "no regular file"),
        (lambda path: path.symlink_to("gone"), "No such file or directory"),
        (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
        (lambda path: path.touch(), "no picture"),
    ],
    ids=["device", "fifo", "link to a fifo", "socket", "dangling", "loop", "empty"],
)
def test_folder_with_what_is_no_file_names_it_and_does_not_wait(images, make, reason, monkeypatch):
    monkeypatch.chdir(images)
    make(images / "x.png")
    start = time.monotonic()
    with pytest.raises(WorkbenchError, match=rf"not sound pictures: x.png \({reason}\)"):
        folder(images)
    assert outcome(images, skip_broken=True)[:2] == (["a.png"], 1)
    assert time.monotonic() - start < AT_ONCE_S


def test_read_of_a_file_that_becomes_a_pipe_does_not_wait(tmp_path, monkeypatch):
    file = save(tmp_path / "a.png")
    regular = os.stat(file)
    file.unlink()
    os.mkfifo(file)
    monkeypatch.setattr(os, "stat", lambda path: regular)
    with pytest.raises(NoPictureError, match="no regular file"):
        read(str(file))


def test_read_of_a_huge_file_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "a.png").touch()
    os.truncate(tmp_path / "a.png", FILE_MOST + 1)
    with pytest.raises(NoPictureError, match="more than 256 MiB"):
        read(str(tmp_path / "a.png"))


def test_folder_without_a_permission_names_file_and_class(images, monkeypatch):
    save(images / CLASS / "b.png")
    opened, scanned = os.open, os.scandir

    def refuse(allowed, path, *rest):
        if os.path.basename(path) in ("a.png", CLASS):
            raise PermissionError(13, "Permission denied")
        return allowed(path, *rest)

    monkeypatch.setattr(os, "open", lambda path, flags: refuse(opened, path, flags))
    monkeypatch.setattr(os, "scandir", lambda path: refuse(scanned, path))
    with pytest.raises(WorkbenchError) as caught:
        folder(images)
    assert f"not sound pictures: {CLASS}/ (Permission denied), a.png (Permission denied)" in str(
        caught.value
    )


def test_listing_of_a_folder_without_permission_is_an_error(tmp_path, monkeypatch):
    def scandir(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(
        WorkbenchError, match=r"cannot be read .Permission denied.; expected a folder"
    ):
        listing(tmp_path)


@pytest.mark.parametrize(
    "name", ["license_plate_01.png", "credits_roll.png", "readme-scan.png", "synsets.PNG", "photo"]
)
def test_folder_reads_pictures_of_any_name(images, name):
    save(images / name)
    assert outcome(images) == (sorted(["a.png", name]), 0, "")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("README.md", b"text", "no picture"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0", "no picture"),
        ("labels.json", b"{}", "no picture"),
        (".DS_Store", b"\0\0\0\1Bud1", "hidden"),
        ("._a.png", b"\0\5\x16\7", "hidden"),
        ("figure.eps", b"%!PS-Adobe-3.0 EPSF-3.0", "no picture"),
    ],
)
def test_folder_counts_files_that_are_no_pictures(images, name, content, reason):
    (images / name).write_bytes(content)
    line = f"{images}: skipped 1 of 2 files: {name} ({reason})"
    assert outcome(images) == (["a.png"], 1, line)


def test_folder_counts_sub_folders_that_are_not_read(images):
    save(images / "holiday" / "b.png")
    save(images / CLASS / "inner" / "c.png")
    names, count, line = outcome(images)
    assert (names, count) == (["a.png"], 2)
    assert "holiday/ (a folder without a WordNet id)" in line
    assert f"{CLASS}/inner/ (a folder within a class)" in line


def test_folder_with_a_broken_picture_without_a_suffix_is_refused(images):
    (images / "photo").write_bytes((images / "a.png").read_bytes()[:50])
    with pytest.raises(WorkbenchError, match=r"not sound pictures: photo \("):
        folder(images)


def test_folder_reads_a_linked_class_by_the_links_name(images, tmp_path):
    save(tmp_path / "elsewhere" / "b.png")
    (images / CLASS).symlink_to(tmp_path / "elsewhere")
    pictures = folder(images)
    assert [(picture.name, picture.label) for picture in pictures] == [
        ("a.png", None),
        (f"{CLASS}/b.png", CLASS),
    ]
    assert pictures[1].load().shape == (3, 4, 3)
    (tmp_path / "link").symlink_to(images)
    assert outcome(tmp_path / "link") == (["a.png", f"{CLASS}/b.png"], 0, "")


@pytest.mark.parametrize("target", [".", "..", "n00000001"])
def test_folder_with_a_loop_of_folders_reads_each_once(images, target):
    save(images / "n00000001" / "b.png")
    (images / CLASS).symlink_to(target)
    (images / OTHER).symlink_to(target)
    names, count, line = outcome(images)
    assert names == ["a.png", "n00000001/b.png"]
    assert (f"{OTHER}/ (a folder that was read already)" in line, count >= 2) == (True, True)


def test_folder_of_names_that_cannot_be_printed_escapes_them(images):
    odd = [
        "new\nline.png",
        "back\\nslash.png",
        "red\x1b[31m.png",
        "é.png",
        os.fsdecode(b"\xff.png"),
    ]
    for name in odd:
        save(images / name)
    pictures = folder(images)
    names = {picture.name for picture in pictures}
    assert names == {
        "a.png",
        r"new\nline.png",
        r"back\\nslash.png",
        r"red\x1b[31m.png",
        "é.png",
        r"\udcff.png",
    }
    for picture in pictures:
        picture.name.encode()
        assert picture.load().shape == (3, 4, 3)
    (images / "b\n\udcff.png").touch()
    with pytest.raises(WorkbenchError) as caught:
        folder(images)
    str(caught.value).encode()
    assert "\n" not in str(caught.value)


def test_shown_names_of_two_files_differ():
    names = ["a\nb", "a\\nb", "a\\\nb", "'\n", '"\n', "'\"\n", "\\'\"\\n", "\udcff", "\\udcff"]
    assert len({shown(name) for name in names}) == len(names)


def test_listing_of_very_many_files_is_quick(tmp_path):
    for index in range(MANY):
        (tmp_path / f"{index}.png").touch()
    start = time.monotonic()
    assert len(listing(tmp_path).files) == MANY
    assert time.monotonic() - start < MANY_S


def test_folder_with_very_many_broken_files_names_some(images):
    for index in range(300):
        (images / f"{index}.png").touch()
    with pytest.raises(WorkbenchError) as caught:
        folder(images)
    assert " and 200 more. " in str(caught.value)
    assert len(str(caught.value)) < 4000


def test_load_of_a_file_that_changed_names_it(images):
    (picture,) = folder(images)
    Image.new("RGB", (4, 3), (9, 9, 9)).save(images / "a.png")
    with pytest.raises(
        WorkbenchError, match=r"a.png: cannot be read any more .its content has cha"
    ):
        picture.load()


def test_load_of_a_file_that_became_a_pipe_does_not_wait(images):
    (picture,) = folder(images)
    (images / "a.png").unlink()
    os.mkfifo(images / "a.png")
    with pytest.raises(WorkbenchError, match=r"cannot be read any more .no regular file"):
        picture.load()


def test_folder_of_copies_keeps_each(images):
    save(images / "b.png")
    (images / "c.png").symlink_to("a.png")
    assert outcome(images) == (["a.png", "b.png", "c.png"], 0, "")
