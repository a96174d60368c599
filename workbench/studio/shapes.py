"""The part of a JSON schema that is about one place of a text: shapes of a value, keys and words.

A shape is a schema without references and alternatives. A schema's words about a key stand at the
key, in the list of keys of its object, or at its type.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.studio.outline import CURSOR, Node, Step

Schema = Mapping[str, Any]


def words_of(shape: Schema) -> list[str]:
    """The words or numbers of which a value is one; empty where there are others."""
    return [str(word) for word in shape.get("enum", [shape["const"]] if "const" in shape else [])]


def shapes_of(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The schemas without references and alternatives, one of which a value that is given has."""
    if "$ref" in schema:
        yield from shapes_of(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
        return
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    for choice in choices:
        yield from shapes_of(choice, root)
    if not choices and schema.get("type") != "null":
        yield schema


def steps(shape: Schema, key: Step) -> list[Schema]:
    """The schemas of an entry of an object or an array."""
    if isinstance(key, int):
        first = shape.get("prefixItems", ())
        return [first[key]] if key < len(first) else [shape["items"]] if "items" in shape else []
    if key in shape.get("properties", {}):
        return [shape["properties"][key]]
    for form, schema in shape.get("patternProperties", {}).items():
        if re.search(form, key):
            return [schema]
    more = shape.get("additionalProperties")
    return [more] if isinstance(more, Mapping) else []


def fitting(shapes: Iterable[Schema], node: Node, root: Schema) -> list[Schema]:
    """The shapes of the node's kind that its entries fit; all of its kind where none does."""
    kind = "array" if node.listed else "object"
    of_kind = [shape for shape in shapes if shape.get("type") == kind]
    return [shape for shape in of_kind if _fits(shape, node, root)] or of_kind


def _fits(shape: Schema, node: Node, root: Schema) -> bool:
    """Whether an object has every key of a node, and a word of it where only words can stand."""
    for key, value in node.entries.items():
        if key == CURSOR:
            continue
        choices = [choice for step in steps(shape, key) for choice in shapes_of(step, root)]
        if not choices:
            return False
        words = [words_of(choice) for choice in choices]
        open_ = not isinstance(value, str) or value == CURSOR or not all(words)
        if not open_ and not any(value in choice for choice in words):
            return False
    return True


def about(shape: Schema, key: Step, root: Schema) -> str:
    """The schema's words about a key: at the key, in its object's list of keys, or at its type."""
    property_ = shape.get("properties", {}).get(key, {})
    if "description" in property_:
        return property_["description"]
    if row := _rows(shape).get(str(key)):
        return row
    types = [shape["description"] for shape in shapes_of(property_, root) if "description" in shape]
    return types[0].partition("\n\n")[0].replace("\n", " ") if types else ""


def about_word(holders: Sequence[Schema], key: Step, word: str, root: Schema) -> str:
    """The schema's words about a word: among those about its key, `word: text; word: text`.

    Otherwise in the list of its object, which may name words in place of keys.
    """
    for holder in holders:
        for clause in about(holder, key, root).split("; "):
            words, colon, text = clause.partition(": ")
            if colon and word in words.split(", "):
                return text
        if row := _rows(holder).get(word):
            return row
    return ""


def _rows(shape: Schema) -> dict[str, str]:
    """The rows `key, key   text` of a description; a text may go on in indented lines."""
    rows: dict[str, str] = {}
    keys: list[str] = []
    for line in shape.get("description", "").split("\n"):
        if match := re.fullmatch(r"(\w+(?:, \w+)*)(?: {2,}(.*))?", line):
            keys = match[1].split(", ")
            rows |= dict.fromkeys(keys, match[2] or "")
        elif line.startswith(" "):
            rows |= {key: f"{rows[key]} {line.strip()}".strip() for key in keys}
        else:
            keys = []
    return rows
