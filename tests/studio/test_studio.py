"""The state of a studio: texts, answers and the file, with a worker that computes nothing."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.shipped import FOLDER
from workbench.errors import WorkbenchError
from workbench.studio import studio as module
from workbench.studio.draft import sliders
from workbench.studio.studio import Files, Studio

TEXT = (FOLDER / "line.yaml").read_text()
LONGEST_S = 60  # on a machine where others compute
BROKEN = TEXT.replace("theory:", "theori:", 1)


class Echo:
    """Answers with the text; refuses a text with `refuse`."""

    def __init__(self, name, tasks):
        self.name, self.tasks, self.asked = name, tasks, []

    async def run(self, task, asked):
        self.asked.append(asked.text)
        await asyncio.sleep(0.001)
        if "refuse" in asked.text:
            raise WorkbenchError("here", "refused")
        return asked.text

    def stop(self):
        """Nothing is to be ended."""


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(module, "Worker", Echo)
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    monkeypatch.setattr(module, "LOOKS_EVERY_S", 0.01)
    for ledger in FOLDER.glob("line.tuned*"):
        (tmp_path / ledger.name).write_bytes(ledger.read_bytes())
    path = tmp_path / "line.yaml"
    path.write_text(TEXT)
    return path


def lived(file: Path, scene, **words) -> Studio:
    """A studio in which a scene has been played."""

    async def life() -> Studio:
        studio = Studio(Files(file, Path("circuit.yaml"), **words))
        await studio.start()
        await settled(studio)
        await scene(studio)
        studio.stop()
        return studio

    return asyncio.run(life())


async def settled(studio: Studio) -> None:
    """Wait until the text is read and every answer is there."""
    answers = (studio.score, *studio.answers.values())
    await until(
        lambda: all(
            task is None or task.done()
            for task in (studio.reading, *(answer.running for answer in answers))
        )
    )


async def until(condition) -> None:
    async with asyncio.timeout(LONGEST_S):
        while not condition():
            await asyncio.sleep(0.001)


async def looked(studio: Studio) -> None:
    """Wait until the studio has looked at its file, and again."""
    looks, look = [], studio._on_disk
    studio._on_disk = lambda: looks.append(None) or look()
    await until(lambda: len(looks) > 1)


def test_an_edit_is_answered_and_nothing_is_written(file):
    async def scene(studio):
        assert studio.answers["kernels"].of == TEXT
        studio.edit(TEXT + "# more\n")
        assert studio.answers["kernels"].stale(studio.text)
        await settled(studio)
        assert studio.answers["kernels"].value == studio.score.value == TEXT + "# more\n"
        assert not studio.answers["kernels"].stale(studio.text)
        assert studio.unsaved

    lived(file, scene)
    assert file.read_text() == TEXT


def test_fast_edits_are_left_out_but_the_last(file):
    async def scene(studio):
        for i in range(50):
            studio.edit(f"{TEXT}# {i}\n")
            await asyncio.sleep(0)
        await settled(studio)
        assert studio.answers["kernels"].worker.asked == [TEXT, f"{TEXT}# 49\n"]

    lived(file, scene)


def test_a_broken_theory_keeps_the_last_answers_as_stale(file):
    async def scene(studio):
        studio.edit(BROKEN)
        await settled(studio)
        assert studio.draft.marks
        assert studio.answers["kernels"].value == TEXT
        assert studio.answers["kernels"].stale(studio.text)
        studio.save()
        assert file.read_text() == BROKEN

    lived(file, scene)


def test_a_theory_that_cannot_be_computed_says_why(file):
    async def scene(studio):
        studio.edit(TEXT + "# refuse\n")
        await settled(studio)
        assert studio.score.problem == "here: refused"
        assert studio.score.value == TEXT
        studio.edit(TEXT)
        await settled(studio)
        assert studio.score.problem == ""

    lived(file, scene)


def test_a_slider_changes_its_number_alone_and_stays_within_bounds(file):
    async def scene(studio):
        slider = next(sliders(studio.good.spec))
        studio.slide(slider, slider.high * 2)
        changed = [
            (old, new)
            for old, new in zip(TEXT.splitlines(), studio.text.splitlines(), strict=True)
            if old != new
        ]
        assert len(changed) == 1
        assert changed[0][1] == changed[0][0].replace(f"{slider.value:g}", f"{slider.high}", 1)
        await settled(studio)
        assert slider.key in studio.since_saved()

    lived(file, scene)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, None, "x", [1]])
def test_a_slider_refuses_what_is_no_finite_number(file, value):
    async def scene(studio):
        slider = next(sliders(studio.good.spec))
        with pytest.raises(WorkbenchError, match=rf"{re.escape(slider.key)}: .*; expected a numb"):
            studio.slide(slider, value)
        assert studio.text == TEXT

    lived(file, scene)


def test_a_file_that_another_program_changed_is_not_overwritten_at_once(file):
    async def scene(studio):
        studio.edit(TEXT + "# mine\n")
        file.write_text(TEXT + "# theirs\n")
        with pytest.raises(WorkbenchError, match="changed by another program"):
            studio.save()
        assert file.read_text() == TEXT + "# theirs\n"
        studio.save()
        assert file.read_text() == TEXT + "# mine\n"

    lived(file, scene)


def test_the_file_is_followed_while_there_are_no_edits(file):
    async def scene(studio):
        file.write_text(TEXT + "# theirs\n")
        await until(lambda: studio.text == TEXT + "# theirs\n")
        studio.edit(TEXT + "# mine\n")
        file.write_text(TEXT)
        await looked(studio)
        assert studio.text == TEXT + "# mine\n"
        studio.revert()
        assert studio.text == TEXT

    lived(file, scene)


@pytest.mark.parametrize(("line_end", "written"), [("\r\n", "\r\n"), ("\r", "\n")])
def test_a_file_keeps_line_ends_that_the_editor_does_not_have(file, line_end, written):
    """The editor counts a line end as one character."""
    file.write_bytes(TEXT.replace("\n", line_end).encode())

    async def scene(studio):
        assert studio.text == TEXT
        assert not studio.unsaved
        studio.edit(TEXT + "# mine\n")
        studio.save()

    lived(file, scene)
    assert file.read_bytes() == (TEXT + "# mine\n").replace("\n", written).encode()


@pytest.mark.parametrize(
    ("words", "message"),
    [({"follows": True}, "--read-only"), ({"locked": "is shipped"}, "is shipped")],
)
def test_a_closed_file_is_not_written(file, words, message):
    async def scene(studio):
        studio.edit(TEXT + "# mine\n")
        with pytest.raises(WorkbenchError, match=message):
            studio.save()
        assert (studio.text == TEXT) == ("follows" in words)

    lived(file, scene, **words)
    assert file.read_text() == TEXT


def test_given_pictures_are_kept_by_name_and_only_the_last_ones(file, monkeypatch):
    monkeypatch.setattr(module, "PICTURES", 2)

    async def scene(studio):
        monkeypatch.setattr(studio.workers[0], "run", given)
        for name in ("a.png", "b.png", "a.png", "c.png"):
            assert await studio.take_picture(name, b"content") == (name, b"content")
        assert list(studio.pictures) == ["a.png", "c.png"]
        with pytest.raises(WorkbenchError, match="no sound picture"):
            await studio.take_picture("bad.png", b"bad")
        assert list(studio.pictures) == ["a.png", "c.png"]

    async def given(task, name, content, circuit_file):
        assert (task, circuit_file) == ("given_picture", Path("circuit.yaml"))
        if content == b"bad":
            raise WorkbenchError(name, "no sound picture")
        return name, content

    lived(file, scene)
    assert sorted(path.name for path in file.parent.iterdir() if "tuned" not in path.name) == [
        "line.yaml"
    ]


def test_tuning_curves_are_computed_only_for_a_window_that_shows_them(file):
    async def scene(studio):
        assert studio.answers["tuning"].value is None
        studio.watch("tuning", 1)
        await settled(studio)
        assert studio.answers["tuning"].value == TEXT
        studio.watch("tuning", -1)
        studio.edit(TEXT + "# more\n")
        await settled(studio)
        assert studio.answers["tuning"].value == TEXT

    lived(file, scene)
