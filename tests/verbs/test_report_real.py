"""Every argument on one page, of the curves of InceptionV1."""

import base64
import html
import io
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from workbench.cli import main
from workbench.files import cache_folder
from workbench.report.arguments import ARGUMENTS

ROOT = Path(__file__).parents[2]


@pytest.mark.inceptionv1
@pytest.mark.full
def test_every_argument_is_made_and_every_picture_is_there(inceptionv1, shared, tmp_path, monkeypatch):
    """On three pictures: what is on the page, and nothing of what the figures are worth."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "hosts").symlink_to(cache_folder() / "hosts")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    circuits, bound = ROOT / "circuits" / "inceptionv1", {"early_curve": "early_curve", "line": "line-mixed3a"}
    words = ["report", ROOT / "specs" / "curve-detectors.yaml", "--circuit", circuits / "curve.yaml", "-o", tmp_path / "out", "--few", 3]
    words += [f"--bind={name}={circuits / file}.yaml" for name, file in bound.items()]
    for option, folder, start in (("--images", "imagenet500", 0), ("--calibration", "nips2017", 100)):
        words += [option, linked(shared / "images" / folder, tmp_path / folder, start)]
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "out" / "report.html").read_text()
    for argument in ARGUMENTS:
        section = page[page.index(f'<section id="{argument.anchor}">') :].partition("</section>")[0]
        assert "Not shown:" not in section
        assert "nan" not in re.sub(r"<img[^>]*>|[a-z]nan|nan[a-z]", "", section)
        for part, pattern in argument.shows:
            assert re.search(f'<figure id="{part}-{pattern.rstrip("*")}', section)
        assert section.count("<figure") == section.count("<img") > 0
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == page.count("<img")
    assert all(min(Image.open(io.BytesIO(base64.b64decode(each))).size) > 50 for each in pictures)
    left = page[page.index('<section id="not-shown">') :].partition("</section>")[0]
    for said in ("That the units are copies of one another", "it did not come true", "of the units' variance on pictures that is left"):
        assert said in html.unescape(left)


def linked(source: Path, target: Path, start: int) -> Path:
    """A folder of three pictures."""
    target.mkdir()
    for file in sorted(file for file in source.iterdir() if file.suffix.lower() in (".png", ".jpg", ".jpeg"))[start : start + 3]:
        (target / file.name).symlink_to(file)
    return target
