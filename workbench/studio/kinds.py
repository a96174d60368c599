"""The kinds of theories that the studio opens. A new kind is a module and a row."""

import re

from workbench.studio.kind import Kind
from workbench.studio.pictures_kind import PICTURES
from workbench.studio.tokens_kind import TOKENS

# the line of a theory that names its input -> its kind; no line of input: pictures
INPUTS = {re.compile(r"^(?:\{\s*)?\"?input\"?:\s*tokens\b", re.MULTILINE): TOKENS}


def kind_of(text: str) -> Kind:
    """The kind of a theory's text, which may have problems."""
    return next((kind for line, kind in INPUTS.items() if line.search(text)), PICTURES)
