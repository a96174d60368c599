"""The full report of the curves of InceptionV1."""

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
from workbench.full_report.arguments import sections

ROOT = Path(__file__).parents[2]


@pytest.mark.inceptionv1
@pytest.mark.full
def test_every_part_is_made_and_every_picture_is_there(inceptionv1, shared, tmp_path, monkeypatch):
    """On three pictures: this tests what is on the page, and not the figures."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "hosts").symlink_to(cache_folder() / "hosts")
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path / "cache"))
    circuits, bound = (
        ROOT / "circuits" / "inceptionv1",
        {"early_curve": "early_curve", "line": "line-mixed3a"},
    )
    words = [
        "report",
        ROOT / "specs" / "curve-detectors.yaml",
        "--circuit",
        circuits / "curve.yaml",
        "-o",
        tmp_path / "out",
        "--few",
        3,
    ]
    words += [f"--use-trained={name}={circuits / file}.yaml" for name, file in bound.items()]
    for option, folder, start in (
        ("--images", "imagenet500", 0),
        ("--calibration", "nips2017", 100),
    ):
        words += [option, linked(shared / "images" / folder, tmp_path / folder, start)]
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == 0, result.output
    page = (tmp_path / "out" / "report.html").read_text()
    for section in sections():
        html_text = page[page.index(f'<section id="{section.anchor}">') :]
        html_text = html_text.partition("</section>")[0]
        assert "Not shown:" not in html_text
        assert "nan" not in re.sub(r'"data:[^"]*"|[a-z]nan|nan[a-z]', "", html_text)
        for part, pattern in section.pictures:
            assert re.search(f'<figure id="{part}-{pattern.rstrip("*")}', html_text)
        images = html_text.count("<img") + html_text.count("<svg")
        assert html_text.count("<figure") == images > 0
    assert "Figures only." not in page  # every argument has a verdict
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert len(pictures) == page.count("<img")
    for content in pictures:
        assert min(Image.open(io.BytesIO(base64.b64decode(content))).size) > 50
    left = page[page.index('<section id="open">') :].partition("</section>")[0]
    for phrase in (
        "the units are copies of one another",
        "it did not come true",
        "the units' variance",
    ):
        assert phrase in html.unescape(left)


def linked(source: Path, target: Path, start: int) -> Path:
    """A folder of three pictures."""
    target.mkdir()
    for file in sorted(
        file for file in source.iterdir() if file.suffix.lower() in (".png", ".jpg", ".jpeg")
    )[start : start + 3]:
        (target / file.name).symlink_to(file)
    return target
