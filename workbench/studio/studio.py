"""The state of a studio: one theory for all windows, its file, and the answers to it."""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.spec import with_tuned
from workbench.spec.problems import shortened
from workbench.spec.source import text_of
from workbench.studio.address import finite
from workbench.studio.answers import ARC, Asked, GivenPicture, QuickScore, Stimulus
from workbench.studio.asking import Answer
from workbench.studio.changes import changed
from workbench.studio.draft import Draft, Slider, read_draft
from workbench.studio.kind import DRAWING, SCORING
from workbench.studio.kinds import kind_of
from workbench.studio.worker import Worker

PAUSE_S = 0.15  # without a key being pressed, after which a text is read
LOOKS_EVERY_S = 0.3  # at the file
LINE_ENDS = re.compile(r"\r\n?")  # that the editor reads as "\n"
DIGITS = 4  # of a number that a slider sets
PICTURES = 8  # that were given as stimuli and are kept in memory, the last ones


@dataclass(frozen=True)
class Files:
    """The theory that is written, its trained circuit, and whether the theory may be saved.

    `locked` is the reason why it may not be saved, or empty; `follows`: the page only follows the
    file, and its editor is closed. `prompts_text` is the text that prompts of tokens are cut from.
    """

    spec_file: Path
    circuit_file: Path | None
    follows: bool = False
    locked: str = ""
    prompts_text: Path | None = None

    @property
    def words(self) -> list[str]:
        """The files as words of a command line."""
        given = (("--circuit", self.circuit_file), ("--text", self.prompts_text))
        options = [word for name, file in given if file for word in (name, str(file))]
        return [str(self.spec_file), *options]

    def asked(self, text: str) -> Asked:
        """The question about a text of the theory."""
        return Asked(text, self.spec_file, self.circuit_file, prompts_text=self.prompts_text)


@dataclass
class Studio:
    """One theory, shown in any number of windows.

    kind    of the theory, which stays while the text is edited
    text    as it stands in the editors
    saved   as it stands in the file, as far as is known
    draft   of the text, or of an earlier one for PAUSE_S
    good    the last draft without problems
    """

    files: Files
    text: str = field(init=False)
    saved: str = field(init=False)
    draft: Draft = field(init=False)
    good: Draft | None = field(init=False, default=None)
    saved_draft: Draft = field(init=False)
    listeners: set[Callable[[], None]] = field(init=False, default_factory=set)
    scores: dict[str, QuickScore] = field(init=False, default_factory=dict)
    pictures: dict[str, GivenPicture] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.text = self.saved = self._file_text()
        self.kind = kind_of(self.text)
        self.draft = self.saved_draft = self._draft(self.text)
        self.good = self.draft if self.draft.spec else None
        self.watchers: Counter[str] = Counter()  # windows that show each view
        self.tasks: list[asyncio.Task[None]] = []
        self.reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the processes, compute the first answers, and follow the file."""
        tasks = self.kind.tasks
        self.workers = (Worker("drawing", tasks), Worker("scoring", tasks))
        self.score = Answer("quick_score", self.workers[SCORING], self._answered)
        self.answers = self._answers(self._answered, of_window=False)
        self.tasks.append(asyncio.create_task(self._follow()))
        self._ask()

    def stop(self) -> None:
        """End the processes and tasks."""
        for worker in self.workers:
            worker.stop()
        for task in self.tasks:
            task.cancel()

    def edit(self, text: str) -> None:
        """Take a text from an editor: it is read after PAUSE_S without another one."""
        if text == self.text or self.files.follows:
            return
        self._take(text)

    def slide(self, slider: Slider, value: float) -> float:
        """Write a slider's number into the text, and return it.

        Raises WorkbenchError as `with_tuned`, and for a value that is no finite number.
        """
        number = finite(value)
        if number is None:
            expected = f"a number from {slider.low:g} to {slider.high:g}"
            raise WorkbenchError(slider.key, shortened(repr(value)), expected)
        rounded = min(max(float(f"{number:.{DIGITS}g}"), slider.low), slider.high)
        self.edit(with_tuned(self.text, {slider.path: rounded}))
        return rounded

    def save(self) -> None:
        """Write the text to the file, whole.

        Raises WorkbenchError if it may not be saved, if it cannot be written, and the first time
        after another program has changed the file.
        """
        if self.files.locked or self.files.follows:
            raise WorkbenchError(
                str(self.files.spec_file), self.files.locked or "is open with --read-only"
            )
        on_disk = self._on_disk()
        if on_disk not in (None, self.saved):
            self._keep_as_saved(on_disk)
            raise WorkbenchError(
                str(self.files.spec_file),
                "was changed by another program",
                remedy="Save again to replace it, or reload its text.",
            )
        write_whole(self.files.spec_file, self.text.replace("\n", self.line_end))
        self._keep_as_saved(self.text)

    def revert(self) -> None:
        """Take the text of the file. Raises WorkbenchError if it cannot be read."""
        self._keep_as_saved(self._file_text())
        self._take(self.saved)

    @property
    def unsaved(self) -> bool:
        """Whether the text differs from the file."""
        return self.text != self.saved

    def since_saved(self) -> str:
        """A sentence about what changed since the last save, and how the score did."""
        line = changed(self.saved_draft.spec, self.draft.spec, self.saved, self.text)
        before, after = self.scores.get(_sha(self.saved)), self.scores.get(_sha(self.text))
        if not self.unsaved or before is None or after is None:
            return line
        old, new = (score.row(score.main).value for score in (before, after))
        return line if old is None or new is None else f"{line} Recovered {old:.2f} → {new:.2f}."

    def answers_of_window(self, notify: Callable[[], None]) -> dict[str, Answer]:
        """The answers that one window asks by itself (`ask`), by view."""
        return self._answers(notify, of_window=True)

    def ask(self, answer: Answer, unit: str = "", stimulus: Stimulus | GivenPicture = ARC) -> None:
        """Ask for what a window shows, by the last text without problems."""
        if self.good and self.files.circuit_file:
            asked = self.files.asked(self.good.text)
            answer.want(replace(asked, stimulus=stimulus, unit=unit))

    async def take_picture(self, name: str, content: bytes) -> GivenPicture:
        """Take a picture file as a stimulus, and keep it in memory under its name.

        Raises WorkbenchError for one that is no sound picture, and without a trained circuit.
        """
        if self.files.circuit_file is None:
            raise WorkbenchError(name, "there is no network", "--circuit FILE")
        task = "given_picture", name, content, self.files.circuit_file
        picture: GivenPicture = await self.workers[DRAWING].run(*task)  # the host is loaded
        self.pictures.pop(name, None)
        self.pictures[name] = picture
        for earlier in list(self.pictures)[:-PICTURES]:
            del self.pictures[earlier]
        return picture

    def watch(self, view: str, windows: int) -> None:
        """Add windows that show a view, or take them away."""
        self.watchers[view] += windows
        self._ask()

    def _answers(self, notify: Callable[[], None], of_window: bool) -> dict[str, Answer]:
        return {
            name: Answer(view.task, self.workers[view.process], notify)
            for name, view in self.kind.views.items()
            if view.of_window is of_window
        }

    def _draft(self, text: str) -> Draft:
        return read_draft(text, self.files.spec_file, self.kind.read)

    def _take(self, text: str) -> None:
        self.text = text
        if self.reading:
            self.reading.cancel()
        self.reading = asyncio.create_task(self._read())
        self._notify()

    async def _read(self) -> None:
        await asyncio.sleep(PAUSE_S)
        self.draft = self._draft(self.text)
        if self.draft.spec:
            self.good = self.draft
        self._ask()
        self._notify()

    def _ask(self) -> None:
        """Ask for the answers to the last text without problems."""
        if self.good is None:
            return
        asked = self.files.asked(self.good.text)
        for view, answer in self.answers.items():
            if view == self.kind.first or self.watchers[view] > 0:
                answer.want(asked)
        if self.files.circuit_file:
            self.score.want(asked)

    async def _follow(self) -> None:
        """Take the file's text when another program writes it, unless there are unsaved edits."""
        while True:
            await asyncio.sleep(LOOKS_EVERY_S)
            on_disk = await asyncio.to_thread(self._on_disk)
            if on_disk is not None and on_disk != self.saved and not self.unsaved:
                self._keep_as_saved(on_disk)
                self._take(on_disk)

    def _on_disk(self) -> str | None:
        """The file's text; None where it cannot be read."""
        try:
            return self._file_text()
        except WorkbenchError:
            return None

    def _file_text(self) -> str:
        """The file's text, with the editor's line ends. Raises WorkbenchError if it has none."""
        text = text_of(self.files.spec_file)
        self.line_end = "\r\n" if "\r\n" in text else "\n"  # is written again
        return LINE_ENDS.sub("\n", text)

    def _keep_as_saved(self, text: str | None) -> None:
        self.saved = text or ""
        self.saved_draft = self._draft(self.saved)
        self._notify()

    def _answered(self) -> None:
        if isinstance(self.score.value, QuickScore) and self.score.of is not None:
            self.scores[_sha(self.score.of)] = self.score.value
        self._notify()

    def _notify(self) -> None:
        for listener in list(self.listeners):
            listener()


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
