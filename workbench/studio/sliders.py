"""The part of the page that has a slider for each tunable number."""

from collections.abc import Callable

from nicegui import ui
from nicegui.events import GenericEventArguments

from workbench.studio.draft import Slider, sliders
from workbench.studio.studio import Studio

STEPS = 200  # of a slider
HINT = "A number that is written as {tune: 0.2, min: 0, max: 0.8} gets a slider here."

# a slider and its new value -> the number that was written; None where it was refused
Write = Callable[[Slider, float], float | None]


class NumberSlider(ui.slider):
    """The slider of a number. The browser moves it without waiting for an answer.

    slider  as the theory has it now
    agreed  the number that the text and the browser have; None where they may differ
    sets    how often `set` was called
    moving  while a move is written: `agreed` is of the text before it
    """

    LOOPBACK = False  # an answer to an earlier key would take it back

    def __init__(self, slider: Slider, write: Write):
        step = (slider.high - slider.low) / STEPS or 1.0
        super().__init__(min=slider.low, max=slider.high, step=step, value=slider.value)
        self.slider, self.write = slider, write
        self.agreed: float | None = slider.value
        self.sets, self.moving = 0, False
        self.props(f'dense label data-key="{slider.key}" aria-label="{slider.key}" data-sets=0')
        sets = f"getElement({self.id}).$attrs['data-sets']"
        self.on("change", self._moved, js_handler=f"value => emit(value, Number({sets}))")

    def set(self, number: float) -> None:
        """Bring the browser to a number."""
        self.agreed, self.sets = number, self.sets + 1
        self.props(f"data-sets={self.sets}")
        self.value = None  # the browser may have left a number that stands here already
        self.value = number

    def _moved(self, event: GenericEventArguments) -> None:
        value, sets_before = event.args  # the move was made after so many
        self.moving = True
        try:
            number = self.write(self.slider, value)
        finally:
            self.moving = False
        if number is None:
            self.set(self.slider.value)
        else:  # a browser that was set after the move shows another number
            self.agreed = number if sets_before == self.sets else None


class Sliders:
    """The sliders of a family, or a hint where it has no tunable number."""

    def __init__(self, studio: Studio, write: Write):
        self.studio, self.write = studio, write
        self.area = ui.element("div").classes("numbers")
        self.hint = ui.label(HINT).classes("small")
        self.shown: dict[str, NumberSlider] = {}

    def show(self, family: str) -> None:
        """Show the sliders of a family, and those of no family; all are off in a problem."""
        good = self.studio.good
        rows = [
            slider
            for slider in (sliders(good.spec) if good and good.spec else ())
            if slider.family in ("", family)
        ]
        bounds = {slider.key: (slider.low, slider.high) for slider in rows}
        if bounds != {key: (s.slider.low, s.slider.high) for key, s in self.shown.items()}:
            self.area.clear()
            with self.area:
                self.shown = {slider.key: self._labelled(slider) for slider in rows}
        self.hint.set_visibility(not rows)
        # also while a text is being read: a slider that is closed for a moment loses keys
        open_ = not self.studio.draft.marks and not self.studio.files.follows
        for slider in rows:
            shown = self.shown[slider.key]
            shown.slider = slider
            shown.set_enabled(open_)
            current = good is not None and good.text == self.studio.text
            if current and not shown.moving and shown.agreed != slider.value:
                shown.set(slider.value)

    def _labelled(self, slider: Slider) -> NumberSlider:
        ui.label(slider.key.removeprefix(f"families.{slider.family}.")).classes("small")
        return NumberSlider(slider, self.write)
