"""Completion of a theory while it is typed: the keys and words that the JSON schema allows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from workbench.spec.language import INPUT
from workbench.spec.reads import ANGLES
from workbench.spec.source import BYTES
from workbench.studio.outline import CURSOR, Node, Place, place_of
from workbench.studio.shapes import Schema, about, about_word, fitting, shapes_of, steps, words_of

READS = "reads"  # the mapping whose keys are families, or INPUT
BY = "by"  # the mapping whose keys are axes of a family that is read


@dataclass(frozen=True)
class Typed:
    """A theory's text, and the index of the cursor in it.

    Raises ValueError for a cursor outside the text.
    """

    text: Annotated[str, Field(max_length=BYTES)]
    cursor: Annotated[int, Field(strict=True, ge=0, le=BYTES)]

    def __post_init__(self) -> None:
        if self.cursor > len(self.text):
            raise ValueError(f"cursor {self.cursor} in a text of {len(self.text)} characters")


@dataclass(frozen=True)
class Option:
    """A key, a word or the name of a family that can stand at a place.

    inserted  the text to be put in place of the typed word
    info      the schema's words about it
    detail    "required" for a key that must be there, "family" for a name, "axis" for one of poses
    """

    label: str
    inserted: str
    info: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Completion:
    """The options at a cursor. `typed` is the beginning of the word, which they replace."""

    typed: str
    options: tuple[Option, ...]


def completion(text: str, cursor: int, schema: Schema) -> Completion:
    """The options for the word at an index of a theory's text, which may be broken.

    The word itself is left out, so that a word that is typed in full offers nothing.
    """
    place = place_of(text, cursor)
    if place is None:
        return Completion("", ())
    options = {option.label: option for option in _options(place, schema)}
    options.pop(place.typed, None)
    return Completion(place.typed, tuple(options.values()))


def _options(place: Place, root: Schema) -> Iterator[Option]:
    """The keys, then the words; alternatives of the schema may give one twice."""
    holders: list[Schema] = []
    shapes: list[Schema] = [root]
    for node, key in place.above:
        holders = fitting(shapes, node, root)
        below = [step for holder in holders for step in steps(holder, key)]
        shapes = [shape for step in below for shape in shapes_of(step, root)]
    step = place.above[-1][1] if place.above else ""
    names = [*_families(place), INPUT]
    if place.keys_of is not None:
        if step == READS:
            yield from _keys([(name, "", "family") for name in names], place)
        if step == BY:
            yield from _keys([(axis, "", "axis") for axis in _axes(place)], place)
        for shape in fitting(shapes, place.keys_of, root):
            yield from _keys(_properties(shape, root), place)
    if place.values:
        for shape in shapes:
            for word in words_of(shape):
                yield Option(word, word, about_word(holders, step, word, root))
            if shape.get("type") == "string" and shape.get("pattern") == _form(root):
                yield from (Option(name, name, detail="family") for name in names)


def _keys(rows: Iterable[tuple[str, str, str]], place: Place) -> Iterator[Option]:
    """Options of label, info and detail, without the keys that the mapping has already."""
    written = place.keys_of.entries if place.keys_of else {}
    for label, info, detail in rows:
        if label not in written:
            yield Option(label, label if place.colon else f"{label}: ", info, detail)


def _properties(shape: Schema, root: Schema) -> Iterator[tuple[str, str, str]]:
    """The keys of an object: label, info and detail."""
    for key in shape.get("properties", {}):
        needed = "required" if key in shape.get("required", ()) else ""
        yield key, about(shape, key, root), needed


def _families(place: Place) -> list[str]:
    """The families that can be read: those above the one at the cursor, else all."""
    outermost, key = place.above[0] if place.above else (Node(0), "")
    families = outermost.entries.get("families")
    if not isinstance(families, Node):
        return []
    names = [str(name) for name in families.entries if name != CURSOR]
    at = place.above[1][1] if key == "families" and len(place.above) > 1 else None
    return names[: names.index(str(at))] if at in names else names


def _axes(place: Place) -> list[str]:
    """The axes of the read family's poses that `by` can have, as they stand in the text."""
    above = [step for _, step in place.above]
    node: Node | str | None = place.above[0][0]
    for key in ("families", above[above.index(READS) + 1] if READS in above else "", "poses"):
        node = node.entries.get(key) if isinstance(node, Node) else None
    if not isinstance(node, Node):
        return []
    return [str(axis) for axis in node.entries if axis not in (*ANGLES, CURSOR)]


def _form(root: Schema) -> str:
    """The pattern of a family's name."""
    return next(iter(root["properties"]["families"]["patternProperties"]))
