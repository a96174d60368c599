"""The page of the studio: the theory at the left, the network's answer at the right."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib.resources import files

from markupsafe import escape
from nicegui import ui
from nicegui.events import MouseEventArguments, ValueChangeEventArguments

from workbench.errors import WorkbenchError
from workbench.studio.address import (
    QUICK_SCORE,
    STIMULUS,
    View,
    command_line,
    data_uri,
    dragged,
    finite,
    view_of,
    widened,
)
from workbench.studio.answers import ARC, Stimulus
from workbench.studio.asking import Answer
from workbench.studio.axis import score_svg
from workbench.studio.completions import Completions
from workbench.studio.draft import Draft, Slider
from workbench.studio.shared_text import SharedText
from workbench.studio.sliders import Sliders
from workbench.studio.studio import Studio
from workbench.studio.upload import picture_upload

DRAG = ("mousedown", "mousemove")


def show_page(studio: Studio, query: Mapping[str, str]) -> None:
    """Build the page of one window. It is drawn again whenever the studio changes.

    `query` has the words of the address: view, family, stimulus and unit.
    """
    ui.add_head_html(f"<style>{_style()}</style>")
    window = Window(
        studio, view_of(query, _families(studio), studio.pictures, list(studio.kind.views))
    )
    studio.listeners.add(window.refresh)
    studio.watch(window.view.view, 1)
    ui.context.client.on_delete(window.close)


class Window:
    """One window's elements; `refresh` brings them to the state of the studio."""

    def __init__(self, studio: Studio, view: View):
        self.studio, self.view = studio, view
        self.views = studio.kind.views
        self.answers = studio.answers_of_window(self.refresh)
        with ui.element("main").classes("studio"):
            with ui.element("section").classes("written"):
                self._write()
            with ui.element("section").classes("answered"):
                self._answer()
        self.refresh()

    def close(self) -> None:
        """Forget the window."""
        self.studio.listeners.discard(self.refresh)
        self.studio.watch(self.view.view, -1)

    def refresh(self) -> None:
        """Show the studio's text, problems, sliders and answers."""
        studio, draft = self.studio, self.studio.draft
        self.text.show(studio.text)
        if draft.text == studio.text and draft is not self.marked:
            self._mark(draft)
        self.sliders.show(self._family())
        self.status.text = "unsaved" if studio.unsaved else "saved"
        self.changed.text = studio.since_saved()
        self._put(self.score, studio.score, _score_html(studio))
        if self.family.options != _families(studio):
            self.family.set_options(_families(studio), value=self._family())
        if self.view.view in self.answers:
            studio.ask(self.answers[self.view.view], self.view.unit, self.view.stimulus)
        self._show()
        self.command.content = self._command_html()

    def _write(self) -> None:
        files = self.studio.files
        with ui.element("div").classes("bar"):
            ui.html(f"<code>{escape(files.spec_file)}</code>", sanitize=False)
            self.status = ui.label().mark("status").classes("small status")
            if not files.follows:
                save = ui.button("Save", on_click=self._save).props("dense flat no-caps")
                save.set_enabled(not files.locked)
                ui.button("Reload file", on_click=self._revert).props("dense flat no-caps")
        self.changed = ui.label().classes("small changed")
        editor = ui.codemirror(
            self.studio.text,
            language="YAML",
            indent="  ",
            keymap={"Mod-s": self._save},
        ).classes("editor")
        Completions(editor)
        self.text = SharedText(editor, self.studio.edit)
        self.marked: Draft | None = None
        editor.set_enabled(not files.follows)
        self.problems = ui.html(sanitize=False).classes("problems")
        self.sliders = Sliders(self.studio, self._slid)

    def _answer(self) -> None:
        self.score = ui.html(sanitize=False).classes("score")
        with ui.element("div").classes("bar"):
            ui.toggle(list(self.views), value=self.view.view, on_change=self._choose).props(
                "dense flat no-caps"
            )
            self.family = ui.select(
                _families(self.studio), value=self._family(), on_change=self._choose_family
            ).props("dense options-dense")
            self.unit = ui.select([], on_change=self._choose_unit).props("dense options-dense")
            self.choose = ui.button("Choose a picture").props("dense flat no-caps")
            self.draw = ui.button("Draw a stimulus", on_click=self._draw)
            self.draw.props("dense flat no-caps")
        with ui.element("div").classes("shown") as shown:
            self._view()
        if STIMULUS in self.views:
            picture_upload(shown, self.choose, self._take, self._refuse)
        self.command = ui.html(sanitize=False).classes("small command")

    def _view(self) -> None:
        self.picture = ui.interactive_image(
            on_mouse=self._drag, events=list(DRAG), sanitize=False
        ).classes("stimulus")
        self.picture.props('draggable="false"')
        self.figure = ui.html(sanitize=False).classes("figure")

    def _show(self) -> None:
        """Show the chosen view."""
        studio, view = self.studio, self.view.view
        answer, shown = (self.answers | studio.answers)[view], self.views[view]
        content = "" if answer.value is None else shown.html(answer.value, self._family())
        self._put(self.figure, answer, _head(shown.title, answer) + content)
        drawn = self.view.stimulus.drawn
        for part, visible in (
            (self.family, shown.of_family),
            (self.unit, shown.of_window and answer.value is not None),
            (self.choose, view == STIMULUS),
            (self.draw, view == STIMULUS and not drawn),
            (self.picture, view == STIMULUS and drawn and answer.value is not None),
        ):
            part.set_visibility(visible)
        if self.unit.visible:
            self.unit.set_options(list(answer.value.units), value=answer.value.unit)
        if self.picture.visible:
            self.picture.set_source(data_uri("image/png", answer.value.png))

    def _drag(self, event: MouseEventArguments) -> None:
        """Take the pointer as the centre of the stimulus's circle; with Shift, as on its edge."""
        shown, stimulus = self.answers[STIMULUS].value, self.view.stimulus
        if shown.apex_px is None or not isinstance(stimulus, Stimulus):  # a picture was given
            return
        x, y = finite(event.image_x), finite(event.image_y)
        if x is not None and y is not None and (event.type == "mousedown" or event.buttons & 1):
            move = widened if event.shift else dragged
            moved = move(stimulus, shown.apex_px, x, y)
            self.view = replace(self.view, stimulus=moved)
            self._moved_to()

    def _draw(self) -> None:
        """Go back to a stimulus that is drawn."""
        self.view = replace(self.view, stimulus=ARC)
        self._moved_to()

    async def _take(self, name: str, content: bytes) -> None:
        """Take a picture file as the stimulus, and show it."""
        try:
            picture = await self.studio.take_picture(name, content)
        except WorkbenchError as error:
            self._refuse(error)
            return
        self.view = replace(self.view, view=STIMULUS, stimulus=picture)
        self._moved_to()

    def _mark(self, draft: Draft) -> None:
        """Underline the problems, and list them below the editor."""
        self.marked = draft
        self.text.underline(draft.marks)
        self.problems.content = "".join(f"<p>{escape(mark.message)}</p>" for mark in draft.marks)

    def _slid(self, slider: Slider, value: float) -> float | None:
        try:
            return self.studio.slide(slider, value)
        except WorkbenchError as error:
            self._refuse(error)
            return None

    def _save(self) -> None:
        self._try(self.studio.save)

    def _revert(self) -> None:
        self._try(self.studio.revert)

    def _choose(self, event: ValueChangeEventArguments) -> None:
        before, self.view = self.view.view, replace(self.view, view=event.value)
        self.studio.watch(before, -1)
        self.studio.watch(self.view.view, 1)
        self._moved_to()

    def _choose_family(self, event: ValueChangeEventArguments) -> None:
        if event.value and event.value != self.view.family:
            self.view = replace(self.view, family=event.value)
            self._moved_to()

    def _choose_unit(self, event: ValueChangeEventArguments) -> None:
        shown = self.answers.get(self.view.view)
        if event.value and shown and shown.value and event.value != shown.value.unit:
            self.view = replace(self.view, unit=event.value)
            self._moved_to()

    def _moved_to(self) -> None:
        ui.navigate.history.replace(self.view.query)
        self.refresh()

    def _family(self) -> str:
        return view_of({"family": self.view.family}, _families(self.studio)).family

    def _put(self, place: ui.html, answer: Answer, content: str) -> None:
        """Show an answer, marked as stale where it is not of the text."""
        stale = answer.stale(self.studio.text)
        place.classes(add="stale" if stale else "", remove="" if stale else "stale")
        if place.content != content:
            place.content = content

    def _command_html(self) -> str:
        files = self.studio.files
        view = replace(self.view, family=self._family())
        lines = [command_line(files.words, *self.views[view.view].command(view))]
        lines += [command_line(files.words, *QUICK_SCORE)] if files.circuit_file else []
        return "".join(f"<p><code>{escape(line)}</code></p>" for line in lines)

    def _try(self, act: Callable[[], None]) -> None:
        """Act, and show a WorkbenchError as a notice."""
        try:
            act()
        except WorkbenchError as error:
            self._refuse(error)

    @staticmethod
    def _refuse(error: WorkbenchError) -> None:
        """Show an error as a notice."""
        ui.notify(str(error), type="negative", multi_line=True)


def _families(studio: Studio) -> list[str]:
    good = studio.good
    return list(good.spec.theory.families) if good and good.spec else []


def _score_html(studio: Studio) -> str:
    """The quick score, or why there is none."""
    if not studio.files.circuit_file:
        return "<p class=small>No score: give the trained units with --circuit.</p>"
    answer = studio.score
    head = _head("Quick score", answer)
    figures = (answer.value, answer.value.second) if answer.value else ()
    return head + "".join(score_svg(figure) for figure in figures if figure)


def _head(title: str, answer: Answer) -> str:
    """The title of an answer, how long it took, and why it is missing."""
    took = f" <span class=small>computed in {answer.took_s:.1f} s</span>" if answer.value else ""
    problem = f"<p class=warning>{escape(answer.problem)}</p>" if answer.problem else ""
    return f"<h3>{title}{took}<span class=mark>stale</span></h3>{problem}"


def _style() -> str:
    """The report's stylesheet, then the studio's own rules."""
    folder = files("workbench")
    return "\n".join(
        (folder / part / name).read_text("utf-8")
        for part, name in (("report", "style.css.jinja"), ("studio", "studio.css"))
    )
