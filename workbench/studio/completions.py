"""The element that gives the page's editor the options of `completion`."""

from nicegui import ui


class Completions(ui.element, component="completions.js"):
    """Asks the studio for options while a word is typed, and at Ctrl-Space."""

    def __init__(self, editor: ui.codemirror):
        super().__init__()
        self._props["editor"] = editor.id
