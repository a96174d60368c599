"""The page of a token scorecard: a folder with score.json, pictures and report.html.

The page is self-contained, and needs neither network nor script.
"""

import importlib.metadata
import json
import platform
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.output import Quantity
from workbench.hosts.store import tokenizer
from workbench.report.conditions import digits
from workbench.report.embedding import Shown, embedded
from workbench.report.page import Score, template
from workbench.sequences.circuit import PromptSet
from workbench.sequences.document import to_json
from workbench.sequences.part_score import PartScore
from workbench.sequences.prompts import Prompt
from workbench.sequences.report.drawings import WIDE, drawings
from workbench.sequences.report.ledgers import judge
from workbench.sequences.report.limits import limits, prompt_words
from workbench.sequences.report.patterns import WINDOW
from workbench.sequences.score import TokenCard

NOT_MEASURED = "not measured here"
PACKAGES = ("numpy", "torch")
BLANK = "␣"  # a token of white space alone


def write_report(folder: Path, card: TokenCard) -> Path:
    """Write score.json, the pictures and report.html to `folder`, and return the page's path.

    Raises WorkbenchError if the folder cannot be written.
    """
    text = to_json(card)
    write_whole(folder / "score.json", text)
    shown: dict[str, list[Shown]] = {}
    for drawing in drawings(card, words_of(card)):
        content = drawing.content()
        write_whole(folder / drawing.file, content)
        shown.setdefault(drawing.section, []).append(
            embedded(drawing.name, content, drawing.alt, drawing.caption)
        )
    page = folder / "report.html"
    write_whole(page, render(card, Score(json.loads(text), NOT_MEASURED), shown))
    return page


def words_of(card: TokenCard) -> list[str] | None:
    """The first tokens of the examples' prompt as text; None where they have no words."""
    if card.examples is None:
        return None
    return first_words(card.host.name, card.examples.prompt, card.circuit.prompts)


def first_words(host: str, prompt: Prompt, declared: PromptSet) -> list[str] | None:
    """The first tokens of a prompt as text; None where they have no words.

    A short prompt of a host without a tokenizer shows the tokens themselves.
    """
    try:
        words = tokenizer(host).words(prompt.tokens[:WINDOW])
    except WorkbenchError:
        if len(prompt.tokens) > WINDOW:
            return None
        last = "=" if declared.kind == "pairs" else str(prompt.tokens[-1])
        return [*map(str, prompt.tokens[:-1]), last]
    return [_shown(word) for word in words]


def _shown(word: str) -> str:
    text = "".join(letter if letter.isprintable() else " " for letter in word)
    return text.replace("▁", " ").strip() or BLANK


def render(card: TokenCard, score: Score, shown: Mapping[str, Sequence[Shown]]) -> str:
    """The page."""
    return template("tokens.html.jinja", "workbench.sequences.report").render(
        card=card,
        figure=score.figure,
        interval=score.interval,
        headline=card.headline,
        judge=judge(card),
        prompts=prompt_words(card.circuit.prompts),
        limits=list(limits(card)),
        doubted=[part for part in card.parts if not part.supported],
        parts=[(part, *_columns(card, part)) for part in card.parts],
        digits=digits,
        WIDE=WIDE,
        shown=defaultdict(list, shown),
        made=list(_made(card)),
    )


def _columns(card: TokenCard, part: PartScore) -> tuple[list[Quantity], list[Quantity]]:
    """The quantities of fidelity and those of the task, without those that no prompt allows."""
    natural = part.row("natural").quantities
    known = [
        quantity for quantity in card.quantities if natural[quantity.key] == natural[quantity.key]
    ]
    return [quantity for quantity in known if not quantity.task], [
        quantity for quantity in known if quantity.task
    ]


def _made(card: TokenCard) -> Iterator[tuple[str, str]]:
    """Names and values that identify the run."""
    yield "theory", f"{card.spec.path}, {card.spec.sha256}"
    yield "circuit", f"{card.circuit.circuit}, {card.circuit.sha256}"
    yield "host", f"{card.host.name}, weights {card.host.fingerprint}"
    counts = card.counts
    yield (
        "prompts",
        f"{prompt_words(card.circuit.prompts)}; {counts['scored']:,} scored, "
        f"{counts['calibration']:,} others calibrated",
    )
    yield "seed", str(card.seed)
    versions = (f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    yield "versions", f"Python {platform.python_version()}, {', '.join(versions)}"
    if card.command:
        yield "command", card.command
