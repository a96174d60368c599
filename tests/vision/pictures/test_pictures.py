"""Pictures: every broken file at once, every mode of pixel, the host's own crop."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from workbench.errors import WorkbenchError
from workbench.hosts import PictureInput
from workbench.vision.pictures import (
    Picture,
    batch,
    collection_sha256,
    decode,
    first_by_content,
    folder,
    photographs,
    skipped,
)

DALMATIAN = "n02110341"
CENTRE = PictureInput(224, (117.0, 117.0, 117.0))
SQUASH = PictureInput(227, (1.0, 2.0, 3.0), order="BGR", crop="squash")


def gradient(height=40, width=60):
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 6, x * 0 + 90], -1).astype(np.uint8)


def save(path, pixels=None, **options):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(gradient() if pixels is None else pixels).save(path, **options)
    return path


def encoded(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def picture(pixels):
    return Picture("p", "0" * 64, None, lambda: pixels)


def test_a_folder_is_sorted_labelled_and_known_by_content(tmp_path):
    save(tmp_path / "b.png")
    save(tmp_path / f"{DALMATIAN}_a.jpg")
    save(tmp_path / "n01443537" / "z.png")
    save(tmp_path / "not-a-class" / "y.png")
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "README.md").write_text("x")
    pictures = folder(tmp_path)
    assert [(p.name, p.label) for p in pictures] == [
        ("b.png", None),
        ("n01443537/z.png", "n01443537"),
        (f"{DALMATIAN}_a.jpg", DALMATIAN),
    ]
    assert pictures[0].sha256 == pictures[1].sha256 != pictures[2].sha256
    np.testing.assert_array_equal(pictures[0].load(), gradient())


def test_every_broken_file_is_named_at_once(tmp_path):
    save(tmp_path / "good.png")
    whole = encoded(
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)), "JPEG"
    )
    (tmp_path / "short.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "empty.png").touch()
    os.symlink(tmp_path / "gone.png", tmp_path / "dangling.png")
    with pytest.raises(WorkbenchError) as caught:
        folder(tmp_path)
    for name in ("short.jpg", "empty.png", "dangling.png", "--skip-broken"):
        assert name in str(caught.value)
    assert "good.png" not in str(caught.value)
    assert "notes.txt" not in str(caught.value)
    lines: list[str] = []
    sound = folder(tmp_path, skip_broken=True, tell=lines.append)
    assert [p.name for p in sound] == ["good.png"]
    assert (skipped(sound), skipped(first_by_content(sound, 1)), skipped(list(sound))) == (4, 4, 0)
    (line,) = lines
    assert line.startswith(f"{tmp_path}: skipped 4 of 5 files: ")
    assert all(
        name in line
        for name in ("short.jpg", "notes.txt (no picture)", "empty.png", "dangling.png")
    )


def test_folder_with_many_broken_files_names_a_few(tmp_path):
    save(tmp_path / "good.png")
    for i in range(7):
        (tmp_path / f"{i}.jpg").touch()
    lines: list[str] = []
    folder(tmp_path, skip_broken=True, tell=lines.append)
    assert lines[0].endswith(", 4.jpg (no picture) and 2 more")


def test_no_pictures_is_an_error(tmp_path):
    with pytest.raises(WorkbenchError, match="no pictures"):
        folder(tmp_path)
    with pytest.raises(WorkbenchError, match="is not there"):
        folder(tmp_path / "missing")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(WorkbenchError, match="no pictures"):
        folder(tmp_path, skip_broken=True)


def test_load_of_a_file_that_vanished_raises(tmp_path):
    path = save(tmp_path / "a.png")
    pictures = folder(tmp_path)
    path.unlink()
    with pytest.raises(WorkbenchError, match="cannot be read any more"):
        pictures[0].load()


def test_every_mode_becomes_rgb():
    grey = np.arange(0, 250, 10, dtype=np.uint8).reshape(5, 5)
    expected = np.repeat(grey[..., None], 3, -1)
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(grey))), expected)
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    np.testing.assert_array_equal(decode(encoded(deep)), expected)
    cmyk = Image.fromarray(np.full((8, 8, 4), (0, 255, 255, 0), np.uint8), "CMYK")
    np.testing.assert_allclose(decode(encoded(cmyk, "TIFF"))[0, 0], (255, 0, 0), atol=2)


@pytest.mark.parametrize(("alpha", "expected"), [(255, (10, 20, 30)), (0, (255, 255, 255))])
def test_transparency_shows_white(alpha, expected):
    image = Image.new("RGBA", (3, 3), (10, 20, 30, alpha))
    assert tuple(decode(encoded(image))[1, 1]) == expected


def test_exif_orientation_is_obeyed():
    exif = Image.Exif()
    exif[0x0112] = 6  # shown a quarter turn clockwise
    turned = decode(encoded(Image.fromarray(gradient()), "PNG", exif=exif))
    np.testing.assert_array_equal(turned, np.rot90(gradient(), -1))


def test_centre_takes_the_middle_of_the_whole_picture_scaled_by_its_shorter_side():
    pixels = np.zeros((256, 400, 3), np.uint8)
    pixels[16:240, 88:312] = 200  # the central 224 of a picture whose shorter side is 256 already
    assert torch.equal(batch([picture(pixels)], CENTRE), torch.full((1, 3, 224, 224), 200.0 - 117))


def test_squash_keeps_all_of_the_picture_and_the_hosts_order():
    pixels = np.zeros((100, 300, 3), np.uint8)
    pixels[:, 150:] = (10, 20, 30)
    x = batch([picture(pixels)] * 2, SQUASH)
    assert x.shape == (2, 3, 227, 227)
    assert x[0, :, 5, 220].tolist() == [30 - 3, 20 - 2, 10 - 1]
    assert x[0, :, 5, 5].tolist() == [-3, -2, -1]


def test_an_unknown_crop_is_refused():
    with pytest.raises(WorkbenchError, match="crop 'middle'; expected one of centre, squash"):
        batch([], PictureInput(8, (0, 0, 0), crop="middle"))


def test_the_two_parts_of_the_photographs_share_nothing():
    parts = {part: photographs(part) for part in ("calibration", "headline")}
    assert {part: len(pictures) for part, pictures in parts.items()} == {
        "calibration": 96,
        "headline": 64,
    }
    stems = [{p.name.split("@")[0] for p in pictures} for pictures in parts.values()]
    assert not stems[0] & stems[1]
    digests = [p.sha256 for pictures in parts.values() for p in pictures]
    assert len(set(digests)) == len(digests) == 160
    assert all(p.load().shape[0] == p.load().shape[1] for p in parts["headline"])
    assert collection_sha256(parts["headline"]) == collection_sha256(photographs("headline")[::-1])
    assert collection_sha256(parts["headline"]) != collection_sha256(parts["headline"][1:])


def test_an_unknown_part_is_refused():
    with pytest.raises(WorkbenchError, match="Did you mean 'headline'"):
        photographs("headlin")


def test_photographs_need_no_import_of_scikit_image():
    code = (
        "import sys, workbench.vision.pictures as p; p.photographs('headline'); "
        "sys.exit('skimage' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
