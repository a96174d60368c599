"""YAML text -> plain values, with the place of every key.

The only module that knows YAML.

Scalars are read by YAML 1.2's core rules, not PyYAML's 1.1: `1e-3` is a number, `yes`, `on` and
`2026-01-01` are text, and keys are always text. Nothing but mappings, lists, text, numbers, true,
false and null is ever made, and a file is bounded before it is expanded.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path as FilePath
from typing import Any, NamedTuple

import yaml
from yaml.composer import Composer
from yaml.reader import Reader
from yaml.resolver import Resolver

from workbench.errors import WorkbenchError
from workbench.spec.problems import MOST, Fault, Path, Problem, SpecError, key_text, shortened

BYTES, NODES, DEPTH = 1 << 20, 50_000, 50
BYTE_ORDER_MARK = "\ufeff"
SHOWN = 60  # characters of the file's text that a message repeats
WHOLE_DIGITS = 15  # a longer whole number is read as a float, as JavaScript does
CORE = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
}
ODD_BREAKS = re.compile(
    r"\\x85|\\u2028|\\u2029|\\ufeff"
)  # as repr shows them; PyYAML folds them unless everything beyond ASCII is escaped
UNWRITABLE = re.compile("[\0\ud800-\udfff]")  # no file, and no file's name, can hold them
TAG = "tag:yaml.org,2002:"


class _TooMuchError(Exception):
    """More nodes or levels than a file may have, at a mark."""


if yaml.__with_libyaml__:
    from yaml._yaml import CParser

    class _Events(Composer, CParser, Resolver):
        """Composes the events of libyaml, which reads text several times as fast as PyYAML."""

        def __init__(self, text: str):
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

else:  # PyYAML that was built without it

    class _Events(yaml.SafeLoader):  # type: ignore[no-redef]
        """Composes the events of PyYAML itself."""


class _Loader(_Events):
    """Composes nodes by the core rules, and stops at the bounds while it composes."""

    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  add_implicit_resolver fills it below
    nodes = depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node. Raises _TooMuchError at the bounds."""
        self.nodes, self.depth = self.nodes + 1, self.depth + 1
        if self.nodes > NODES or self.depth > DEPTH:
            raise _TooMuchError(event.start_mark if (event := self.peek_event()) else None)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """Quotes what either YAML 1.1 or the core rules take for something else than text."""

    def ignore_aliases(self, data: Any) -> bool:
        """True: every value is written out."""
        return True


for _name, (_pattern, _first) in CORE.items():
    for _side in (_Loader, _Dumper):
        _side.add_implicit_resolver(
            TAG + _name, re.compile(f"(?:{_pattern})$"), ["" if c == "\0" else c for c in _first]
        )


class Place(NamedTuple):
    """The place of a value in a text.

    line, column   of its key, from 1
    start, end     its characters
    kind           mapping, list or scalar
    """

    line: int
    column: int
    start: int
    end: int
    kind: str

    @property
    def span(self) -> tuple[int, int]:
        """The first character of the value, and the one after its last."""
        return self.start, self.end


@dataclass(frozen=True)
class Source:
    """A file's text, with its values and their places.

    values   dicts, tuples and scalars
    places   path of keys -> where its value is written
    faults   those that the YAML itself has
    folders  where the ledger may lie that the text names; none for a text without a file
    """

    file: str
    text: str
    values: Any
    places: dict[Path, Place]
    faults: tuple[Fault, ...]
    folders: tuple[FilePath, ...] = ()

    def at(self, path: Path) -> Any:
        """The value at a path that is written in the file."""
        value = self.values
        for key in path:
            value = value[key]
        return value

    def resolve(self, path: Path) -> Path:
        """The longest beginning of `path` that is written in the file.

        The `[0]` of a term written without its list is left out.
        """
        written: Path = ()
        for key in path:
            if (*written, key) in self.places:
                written = (*written, key)
            elif key != 0 or self.places[written].kind == "list":
                break
        return written

    def problem(self, fault: Fault) -> Problem:
        """The fault with its place in the file, or that of the closest key above it."""
        path = self.resolve(fault.path)
        place = self.places[path]
        shown = self._written(place) if fault.found is None else fault.found
        line, column = fault.at or (place.line, place.column)
        return Problem(
            self.file,
            line,
            column,
            key_text(path),
            shown,
            fault.expected,
            fault.suggestion,
            fault.code,
        )

    def independent(self, faults: Iterable[Fault]) -> list[Fault]:
        """The faults that remain when YAML that could not be used is set aside.

        A fault at such a value is left out, and so is a missing key of the mapping that holds it.
        """
        unused = {fault.path for fault in self.faults if fault.code == "unsupported-yaml"}
        above = {path[:-1] for path in unused}
        return [
            fault
            for fault in faults
            if not unused
            or not (
                (path := self.resolve(fault.path)) in unused
                or (path in above and fault.code in ("missing-key", "conflict"))
            )
        ]

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Raises SpecError with the faults, if there is one: MOST, and one more if there are."""
        if problems := [self.problem(fault) for fault in islice(faults, MOST + 1)]:
            raise SpecError(problems)

    def _written(self, place: Place) -> str:
        text = self.text[place.start : place.end].strip()
        if place.kind == "scalar":
            short = " ".join(text.split())
            return (short if len(short) <= SHOWN else f"{short[:SHOWN]}…") or "nothing"
        return text if len(text) <= SHOWN and "\n" not in text else f"a {place.kind}"


def read(path: FilePath) -> Source:
    """The parsed file. Raises WorkbenchError as `text_of` does, and SpecError as `parse` does."""
    path = FilePath(path)
    # a link to a file elsewhere: its ledger may be linked in the same folder, or lie there
    folders = (path.parent, FilePath(os.path.realpath(path)).parent)
    return replace(parse(text_of(path), str(path)), folders=folders)


def text_of(path: FilePath) -> str:
    """The text of a file.

    Raises WorkbenchError if it cannot be read, is larger than 1 MiB or is no UTF-8 text.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(BYTES + 1)
    except OSError as error:
        raise WorkbenchError(
            str(path), f"cannot be read ({error.strerror})", "a YAML file"
        ) from error
    if len(data) > BYTES:
        raise WorkbenchError(str(path), "more than 1 MiB", "a YAML file of at most 1 MiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        where = ":".join(map(str, (path, *_at(data[: error.start].decode("utf-8")))))
        raise WorkbenchError(where, "is no UTF-8 text", "a YAML file in UTF-8") from error


def dumped(value: Any, flow: bool = False) -> str:
    """YAML of plain values, without a last line end; `flow` puts it on one line.

    It reads back as the same values by the rules here and by those of YAML 1.1.
    """
    plain = not ODD_BREAKS.search(repr(value))
    return yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=flow,
        width=1 << 20,
        allow_unicode=plain,
    ).strip()


def parse(text: str, file: str = "<text>") -> Source:
    """Parsed YAML.

    Raises SpecError for bad syntax, more than 50,000 values (aliases expanded), more than 50
    levels, or a value that holds itself.
    """
    if odd := Reader.NON_PRINTABLE.search(text):
        shown = f"the character #x{ord(odd.group()):04x}"
        raise _syntax(file, *_at(text[: odd.start()]), shown, "printable text")
    mark = text.startswith(BYTE_ORDER_MARK)
    body = text[mark:]
    try:
        root = _Loader(body).get_single_node()
    except _TooMuchError as stop:
        raise _too_large(file, stop.args[0]) from None
    except yaml.MarkedYAMLError as error:
        raise _bad_syntax(file, body, error) from error
    except (ValueError, OverflowError) as error:  # PyYAML's own reader on "\\UFFFFFFFF"
        raise _syntax(file, 1, 1, f"bad YAML: {error}", "") from error
    if root is None:
        raise _syntax(file, 1, 1, "an empty file", "a mapping (key: value)")
    _bounded(root, file, {}, set())
    made = _Made({}, [], len(text) - len(body))
    values = made.value(root, (), root.start_mark)
    return Source(file, text, values, made.places, tuple(made.faults))


def _at(before: str) -> tuple[int, int]:
    """Line and column, from 1, of the character after a text."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _syntax(file: str, line: int, column: int, shown: str, expected: str) -> SpecError:
    return SpecError([Problem(file, line, column, "", shown, expected)])


def _bad_syntax(file: str, text: str, error: yaml.MarkedYAMLError) -> SpecError:
    mark = error.problem_mark or error.context_mark
    line, column, index = (mark.line, mark.column, mark.index) if mark else (0, 0, 0)
    if text[index : index + 1] == "\t":
        return _syntax(file, line + 1, column + 1, "a tab", "spaces")
    context = f" ({error.context})" if error.context else ""
    problem = shortened(error.problem or "no YAML")
    return _syntax(file, line + 1, column + 1, f"bad YAML: {problem}{context}", "")


def _too_large(file: str, mark: Any) -> SpecError:
    bounds = f"at most {NODES:,} values, aliases expanded, in at most {DEPTH} levels"
    shown = "more values or levels than a file may have"
    return _syntax(file, mark.line + 1, mark.column + 1, shown, bounds)


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, yaml.SequenceNode) else []


def _bounded(
    node: yaml.Node, file: str, known: dict[int, tuple[int, int]], above: set[int]
) -> tuple[int, int]:
    """(values, levels) of a node with its aliases expanded, each node counted once."""
    if isinstance(node, yaml.ScalarNode):
        return 1, 1
    if id(node) in above:
        mark = node.start_mark
        shown = "a value that holds itself"
        raise _syntax(file, mark.line + 1, mark.column + 1, shown, "no such alias")
    if id(node) not in known:
        below = [_bounded(child, file, known, above | {id(node)}) for child in _children(node)]
        known[id(node)] = (
            1 + sum(size for size, _ in below),
            1 + max((levels for _, levels in below), default=0),
        )
        if known[id(node)][0] > NODES or known[id(node)][1] > DEPTH:
            raise _too_large(file, node.start_mark)
    return known[id(node)]


def _unwritable(path: Path, character: str, mark: Any) -> Fault:
    shown = f"the character #x{ord(character):04x}"
    return Fault(
        "unsupported-yaml", path, shown, "printable text", at=(mark.line + 1, mark.column + 1)
    )


@dataclass
class _Made:
    """Builds values from nodes, and collects their places and faults.

    `skipped` is how many characters of the text come before those that the marks count.
    """

    places: dict[Path, Place]
    faults: list[Fault]
    skipped: int

    def value(self, node: yaml.Node, path: Path, key_mark: Any) -> Any:
        """The value of a node at `path`, with its key at `key_mark`."""
        kind = (
            "mapping"
            if isinstance(node, yaml.MappingNode)
            else "list"
            if isinstance(node, yaml.SequenceNode)
            else "scalar"
        )
        start, end = (mark.index + self.skipped for mark in (node.start_mark, node.end_mark))
        self.places[path] = Place(key_mark.line + 1, key_mark.column + 1, start, end, kind)
        if isinstance(node, yaml.MappingNode) and node.tag == TAG + "map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == TAG + "seq":
            return tuple(
                self.value(item, (*path, i), item.start_mark) for i, item in enumerate(node.value)
            )
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.faults.append(
                    Fault(
                        "unsupported-yaml",
                        path,
                        f"a {'list' if isinstance(key, yaml.SequenceNode) else 'mapping'} as a key",
                        "text as a key",
                    )
                )
            elif odd := UNWRITABLE.search(key.value):
                self.faults.append(_unwritable(path, odd.group(), key.start_mark))
            elif key.value == "<<" and not key.style:
                self.faults.append(
                    Fault(
                        "unsupported-yaml",
                        path,
                        "the merge key '<<'",
                        "keys written out",
                        "An alias may stand for a whole value.",
                    )
                )
            elif key.value in made:
                first = self.places[(*path, key.value)].line
                second = (key.start_mark.line + 1, key.start_mark.column + 1)
                self.faults.append(
                    Fault(
                        "duplicate-key",
                        (*path, key.value),
                        f"the key again, after line {first}",
                        "each key once",
                        at=second,
                    )
                )
            else:
                made[key.value] = self.value(item, (*path, key.value), key.start_mark)
        return made

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        kind, text = node.tag.removeprefix(TAG), node.value
        if kind == "str" and isinstance(text, str):
            if odd := UNWRITABLE.search(text):
                self.faults.append(_unwritable(path, odd.group(), node.start_mark))
            return text
        pattern = CORE.get(kind, ("", ""))[0]
        if not pattern or not isinstance(text, str) or not re.fullmatch(pattern, text):
            self.faults.append(
                Fault(
                    "unsupported-yaml",
                    path,
                    f"the tag {node.tag.replace(TAG, '!!')}",
                    "plain YAML without tags",
                )
            )
            return None
        if kind in ("null", "bool"):
            return None if kind == "null" else text.lower() == "true"
        if kind == "int" and len(text) <= WHOLE_DIGITS:
            return int(text)
        return float(re.sub(r"\.(inf|nan)$", r"\1", text.lower()))
