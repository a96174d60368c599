"""The part of the page that has a slider for each tunable number."""

from collections.abc import Callable

from nicegui import ui

from workbench.studio.draft import Slider, sliders
from workbench.studio.studio import Studio

STEPS = 200  # of a slider
HINT = "A number that is written as {tune: 0.2, min: 0, max: 0.8} gets a slider here."


class Sliders:
    """The sliders of a family, or a hint where it has no tunable number.

    `move` is called with a slider and its new value.
    """

    def __init__(self, studio: Studio, move: Callable[[Slider, float], None]):
        self.studio, self.move = studio, move
        self.area = ui.element("div").classes("numbers")
        self.hint = ui.label(HINT).classes("small")
        self.shown: dict[str, tuple[Slider, ui.slider]] = {}

    def show(self, family: str) -> None:
        """Show the sliders of a family, and those of no family; all are off in a problem."""
        good = self.studio.good
        rows = [
            slider
            for slider in (sliders(good.spec) if good and good.spec else ())
            if slider.family in ("", family)
        ]
        bounds = {slider.key: (slider.low, slider.high) for slider in rows}
        if bounds != {key: (slider.low, slider.high) for key, (slider, _) in self.shown.items()}:
            self.area.clear()
            with self.area:
                self.shown = {slider.key: (slider, self._slider(slider)) for slider in rows}
        self.hint.set_visibility(not rows)
        # also while a text is being read: a slider that is closed for a moment loses keys
        open_ = not self.studio.draft.marks and not self.studio.files.follows
        for slider in rows:
            _, shown = self.shown[slider.key]
            self.shown[slider.key] = slider, shown
            shown.set_enabled(open_)
            if good is not None and good.text == self.studio.text:
                shown.value = slider.value

    def _slider(self, slider: Slider) -> ui.slider:
        ui.label(slider.key.removeprefix(f"families.{slider.family}.")).classes("small")
        step = (slider.high - slider.low) / STEPS or 1.0
        shown = ui.slider(min=slider.low, max=slider.high, step=step, value=slider.value)
        shown.props(f'dense label data-key="{slider.key}" aria-label="{slider.key}"')
        shown.on("change", lambda event: self.move(self.shown[slider.key][0], event.args))
        return shown
