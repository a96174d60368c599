"""The text of an editor, which a window and the studio change."""

from collections.abc import Callable, Sequence

from nicegui import ui
from nicegui.events import GenericEventArguments

from workbench.studio.draft import Mark
from workbench.studio.edits import difference, edited


class SharedText(ui.element, component="shared_text.js"):
    """Keeps the text of an editor and the studio's the same, also while both are changed.

    `typed` is called with the text after a change in the window. A change that was typed before the
    window had the studio's last one is refused here; the window rebases it and sends it again.
    """

    def __init__(self, editor: ui.codemirror, typed: Callable[[str], None]):
        super().__init__()
        self._props["editor"] = editor.id
        self.text, self.typed = editor.value, typed
        self.sent = self.taken = 0  # changes of the studio, and of the window
        self.on("typed", self._take)

    def show(self, text: str) -> None:
        """Bring the window to a text."""
        if text != self.text:
            edit, self.text = difference(self.text, text), text
            self.sent += 1
            self.run_method("receive", self.taken, *edit)

    def underline(self, marks: Sequence[Mark]) -> None:
        """Underline problems of the text, with their messages."""
        decorations = [
            {"kind": "mark", "from": mark.start, "to": mark.end, "class": "problem"}
            for mark in marks
            if mark.end > mark.start
        ]
        tooltips = {
            mark.line: "\n".join(other.message for other in marks if other.line == mark.line)
            for mark in marks
        }
        self.run_method("underline", self.taken, decorations, tooltips)

    def _take(self, event: GenericEventArguments) -> None:
        if event.args["seen"] == self.sent:
            self.taken += 1
            self.text = edited(self.text, event.args["change"])
            self.typed(self.text)
