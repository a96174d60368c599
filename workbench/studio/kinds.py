"""The kinds of theories that the studio opens. A new kind is a module and a row."""

from workbench.studio.kind import Kind
from workbench.studio.outline import outermost
from workbench.studio.pictures_kind import PICTURES
from workbench.studio.tokens_kind import TOKENS

INPUTS = {"tokens": TOKENS}  # a theory's `input` -> its kind; no input: pictures


def kind_of(text: str) -> Kind:
    """The kind of a theory's text, which may have problems."""
    named = outermost(text).entries.get("input")
    return INPUTS.get(named, PICTURES) if isinstance(named, str) else PICTURES
