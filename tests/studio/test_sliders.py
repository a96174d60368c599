"""Sliders of a page: when a browser that has moved one is set to another number."""

import pytest

pytest.importorskip("nicegui", reason="the extra `studio` is not installed")

from nicegui import Client
from nicegui.events import GenericEventArguments
from nicegui.page import page

from tests.studio.test_studio import TEXT, file, lived, settled
from workbench.studio.sliders import NumberSlider, Sliders

__all__ = ("file",)
NUMBER = "wavelength_px: {tune: 4.378,"
NOW = 4.378


def played(file, scene, write=None) -> None:
    """A scene with a studio and the first slider of a page."""

    async def life(studio):
        with Client(page("/")):
            shown = Sliders(studio, write or studio.slide)
            studio.listeners.add(lambda: shown.show("gabor"))
            shown.show("gabor")
            await scene(studio, next(iter(shown.shown.values())))

    lived(file, life)


def move(slider: NumberSlider, number: float, seen: int) -> None:
    """The browser's event: the slider's new place, and how many sets the browser had seen."""
    slider._moved(GenericEventArguments(sender=slider, client=slider.client, args=[number, seen]))


def test_moves_are_written_and_do_not_set_the_slider(file):
    async def scene(studio, slider):
        for number in (5.5, 4.4, NOW, 4.5):  # the text of NOW is that of the last answers
            move(slider, number, 0)
            assert f"tune: {number}," in studio.text
        await settled(studio)
        assert slider.sets == 0
        assert slider.agreed == 4.5

    played(file, scene)


def test_a_number_that_is_typed_sets_the_slider(file):
    async def scene(studio, slider):
        studio.edit(TEXT.replace(NUMBER, NUMBER.replace("4.378", "5")))
        assert slider.sets == 0  # the text is not read yet
        await settled(studio)
        assert (slider.sets, slider.value) == (1, 5)
        studio.revert()
        await settled(studio)
        assert (slider.sets, slider.value) == (2, NOW)

    played(file, scene)


def test_a_move_from_before_a_set_is_written_and_shown_again(file):
    async def scene(studio, slider):
        studio.edit(TEXT.replace(NUMBER, NUMBER.replace("4.378", "5")))
        await settled(studio)
        move(slider, 6.5, 0)
        assert "tune: 6.5," in studio.text
        await settled(studio)
        assert (slider.sets, slider.value) == (2, 6.5)

    played(file, scene)


def test_a_refused_move_is_taken_back(file):
    async def scene(studio, slider):
        move(slider, 6.5, 0)
        assert studio.text == TEXT
        assert (slider.sets, slider.value) == (1, NOW)

    played(file, scene, write=lambda slider, value: None)
