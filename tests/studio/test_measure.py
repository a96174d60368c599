"""The studio's answers: the same as the loop does."""

import re
from base64 import b64decode
from dataclasses import replace
from functools import partial
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

import workbench.rebuild as main_path
from workbench.api import load_circuit, load_theory
from workbench.errors import WorkbenchError
from workbench.report.curves import draw_aligned
from workbench.report.kernels import panels_of
from workbench.report.summary import summary
from workbench.report.svg import svg
from workbench.studio import measure
from workbench.studio.answers import Asked, QuickScore, ScoreRow, Stimulus
from workbench.studio.axis import LEFT, RIGHT, WIDTH, responses_svg, score_svg
from workbench.studio.overlay import overlay_svg
from workbench.studio.panels import kernel_picture, png
from workbench.studio.parts import parts_html, worst_lines
from workbench.vision.activations import activations
from workbench.vision.pictures import photographs
from workbench.vision.tuning import tuning

STEP_DEG = 45  # of the stimuli's directions
ROUNDING = 1e-3  # float32, in batches of other sizes


@pytest.fixture(scope="module")
def asked(theory) -> Asked:
    return Asked(theory.read_text(), theory, theory.parent / "circuit.yaml")


@pytest.fixture(scope="module")
def few():
    """Four pictures, twelve for calibration, and few stimuli. Each theory is evaluated once."""
    pictures, calibration = photographs("headline")[::16], photographs("calibration")[::8]
    coarse = partial(tuning, step_deg=STEP_DEG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "_pictures", lambda: tuple(pictures))
        patch.setattr(measure, "_calibration", lambda: tuple(calibration))
        patch.setattr(measure, "tuning", coarse)
        patch.setattr(main_path, "tuning", coarse)
        measure._spliced.cache_clear()
        yield
        measure._spliced.cache_clear()


def test_the_quick_score_and_the_curves_are_those_of_the_report(asked, few):
    score = measure.quick_score(asked)
    pictures, calibration, work = measure._pictures(), measure._calibration(), measure._work()
    theory, circuit = load_theory(asked.path), load_circuit(asked.circuit_file)
    run = theory.score(circuit, pictures, calibration, quick=True, work=work).run
    card = run.card
    assert [(row.words, row.condition) for row in score.rows] == [
        (row.words, row.condition) for row in summary(card)
    ]
    for row in score.rows:
        figure = card.conditions[row.condition].recovered
        assert row.value == pytest.approx(figure.value, rel=ROUNDING)
        assert (row.low, row.high) == pytest.approx(figure.ci95, rel=ROUNDING)
    curves = svg(draw_aligned(card.units, run.curves[0]), "aligned").decode()
    shown = measure.tuning_pictures(asked)["aligned"]
    assert points(shown) == pytest.approx(points(curves), rel=ROUNDING, abs=ROUNDING)
    assert len(points(shown)) > 100
    assert_in_curves(asked, run.curves[0])


def points(figure: str) -> list[float]:
    """The numbers of a figure's description, which has the data of its lines (`report.svg`)."""
    (data,) = re.findall(r"<dc:description>(.*?)</dc:description>", figure, re.DOTALL)
    rows = re.findall(r",([-+.e\d]+),([-+.e\d]+)$", data, re.MULTILINE)
    return [float(number) for row in rows for number in row]


def assert_in_curves(asked: Asked, curves) -> None:
    """A stimulus has the responses that the curves of its variant have at its direction."""
    pose, radius_px = 3, float(curves.radius_px[curves.preferred])
    stimulus = Stimulus(float(curves.centre_deg[pose]), radius_px)
    answer = measure.stimulus_answer(replace(asked, stimulus=stimulus))
    trained, handwritten = (side[pose] for side in next(iter(curves.variants.values())))
    order = [row.unit for row in answer.responses]
    names = load_theory(asked.path).compile(load_circuit(asked.circuit_file)).circuit
    places = [names.layers[-1].units.names.index(unit) for unit in order]
    for row, i in zip(answer.responses, places, strict=True):
        assert row.trained == pytest.approx(trained[i], rel=ROUNDING, abs=ROUNDING)
        assert row.handwritten == pytest.approx(handwritten[i], rel=ROUNDING, abs=ROUNDING)
    assert [row.direction_deg for row in answer.responses] == sorted(
        row.direction_deg for row in answer.responses
    )
    shown = np.asarray(Image.open(BytesIO(answer.png)))
    x, y = map(round, answer.apex_px)
    assert shown[y, x].min() > 200  # the bright contour goes through the apex
    assert "<circle" in responses_svg(answer)
    wide = measure.stimulus_answer(replace(asked, stimulus=replace(stimulus, width_px=12)))
    bright = [(np.asarray(Image.open(BytesIO(png))) > 200).sum() for png in (answer.png, wide.png)]
    assert bright[1] > 3 * bright[0]
    assert wide.responses != answer.responses


def test_a_picture_is_answered_as_the_network_sees_it(asked, few):
    picture = measure._pictures()[1]
    content = png(picture.load())
    given = measure.given_picture("mine.png", content, asked.circuit_file)
    run = measure._run(asked)
    trained, handwritten = (
        both[0] for both in activations(run.host, run.splices, run.host.input.batch([picture]))
    )
    answer = measure.stimulus_answer(replace(asked, stimulus=given))
    names = list(run.statistics.units)
    assert answer.units == tuple(names)
    assert answer.unit == names[int(trained.max((1, 2)).argmax())]
    for row in answer.responses:
        i = names.index(row.unit)
        assert row.trained == pytest.approx(trained[i].max(), rel=ROUNDING, abs=ROUNDING)
        assert row.handwritten == pytest.approx(handwritten[i].max(), rel=ROUNDING, abs=ROUNDING)
    assert answer.apex_px is None
    assert answer.png == given.png
    other = measure.stimulus_answer(replace(asked, stimulus=given, unit=names[3]))
    assert other.unit == names[3]
    assert other.svg != answer.svg


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "mine.png: no picture; expected one of JPEG, PNG"),
        (b"%!PS-Adobe", "mine.png: no picture"),
        (b"\x89PNG\r\n\x1a\n", "mine.png: "),
    ],
)
def test_a_file_that_is_no_picture_is_refused_in_a_sentence(asked, content, message):
    with pytest.raises(WorkbenchError, match=f"^{re.escape(message)}") as refused:
        measure.given_picture("mine.png", content, asked.circuit_file)
    assert "\n" not in str(refused.value)


def test_the_worst_place_names_its_terms_and_adds_up(asked, few):
    answer = measure.worst_answer(asked)
    assert [part.term for part in answer.parts] == ["line[0]", "line[1]"]
    assert answer.parts[1].written in asked.text.replace("- {", "{")
    total = sum(part.value for part in answer.parts) + answer.bias
    assert total == pytest.approx(answer.total)
    assert max(0.0, total) == pytest.approx(answer.handwritten, rel=ROUNDING, abs=0.1)
    one = measure.worst_answer(replace(asked, unit=answer.unit))
    assert (one.picture, one.at_px) == (answer.picture, answer.at_px)
    apart = abs(answer.trained - answer.handwritten)
    for unit in answer.units[::4]:
        other = measure.worst_answer(replace(asked, unit=unit))
        assert other.unit == unit
        assert abs(other.trained - other.handwritten) <= apart * (1 + ROUNDING)
    lines = list(worst_lines(answer))
    assert lines[0].startswith(f"{answer.unit} at ")
    assert len(lines) == 1 + len(answer.parts) + 4
    drawn = parts_html(answer)
    assert drawn.count("<rect") == len(answer.parts) + 4
    assert "{along: arc" in drawn


def test_an_activation_is_laid_over_its_cells():
    values = np.zeros((4, 4))
    values[1, 2] = 2.0
    drawn = overlay_svg(np.full((32, 32, 3), 90, np.uint8), {"trained": values}, (-4, -4, 40, 40))
    assert 'x="-4" y="-4" width="40" height="40"' in drawn
    assert "trained, peak 2" in drawn
    plain, grey, over = (
        np.asarray(Image.open(BytesIO(b64decode(content))))
        for content in re.findall(r"base64,([^\"]+)", drawn)
    )
    assert plain.shape == grey.shape == (32, 32, 3)
    assert over[1, 2, 3] > 200
    assert (np.delete(over[..., 3].ravel(), 6) == 0).all()


def test_units_turned_by_90_degrees_score_lower(asked, few, tmp_path):
    right = measure.quick_score(asked).row("spliced")
    turned = re.sub(
        r"centre_deg: ([\d.]+)",
        lambda match: f"centre_deg: {(float(match[1]) + 90) % 360:.1f}",
        asked.circuit_file.read_text(),
    )
    (tmp_path / "turned.yaml").write_text(turned)
    wrong = measure.quick_score(Asked(asked.text, asked.path, tmp_path / "turned.yaml"))
    assert wrong.row("spliced").pearson < right.pearson - 0.2
    assert wrong.row("spliced").value < right.value - 0.1


def test_pictures_of_kernels_hold_the_weights(asked):
    pictures = measure.kernels(asked)
    circuit = load_theory(asked.path).compile(load_circuit(asked.circuit_file)).circuit
    panels = [panel for panels in panels_of(circuit).values() for panel in panels]
    assert [picture.family for picture in pictures] == ["gabor", "line", "curve"]
    for picture, panel in zip(pictures, panels, strict=True):
        assert picture == kernel_picture(picture.family, panel)
        pixels = pixels_of(picture.svg)
        kh, kw = panel.kernels.shape[2:]
        row, column, i, j = np.unravel_index(panel.kernels.argmax(), panel.kernels.shape)
        red = pixels[row * (kh + 1) + 1 + i, column * (kw + 1) + 1 + j].astype(int)
        assert red[0] > red[1] + 50
        assert (pixels[0] == pixels[0, 0]).all()  # grey above the kernels


def pixels_of(text: str) -> np.ndarray:
    content = re.search(r"base64,([^\"]+)", text)[1]
    return np.asarray(Image.open(BytesIO(b64decode(content))))


def test_without_a_trained_circuit_the_families_above_the_last_are_drawn(asked):
    pictures = measure.kernels(Asked(asked.text, asked.path))
    assert [picture.family for picture in pictures] == ["gabor", "line"]
    with pytest.raises(WorkbenchError, match="no trained circuit"):
        measure.quick_score(Asked(asked.text, asked.path))


@pytest.mark.parametrize(("value", "at"), [(1.0, 1 / 1.05), (0.0, 0.0), (0.5, 0.5 / 1.05)])
def test_a_figure_stands_at_its_place_on_the_axis(value, at):
    score = QuickScore(
        (ScoreRow("<b>", "spliced", "#c8201e", value, 0, 1, 0.5),), "recovered", "4 pictures"
    )
    drawn = score_svg(score)
    place = float(re.search(r'<circle cx="([\d.]+)"', drawn)[1])
    assert place == pytest.approx(LEFT + at * (WIDTH - LEFT - RIGHT), abs=0.1)
    assert "&lt;b&gt;" in drawn
    missing = QuickScore(
        (ScoreRow("none", "spliced", "#000", None, None, None, None),), "", "4 pictures"
    )
    assert "<circle" not in score_svg(missing)
