"""A YAML text that is being typed, read as far as it can be: the mappings and lists at a cursor.

The YAML reader refuses a text that is not whole. Here indentation and brackets are enough, and a
line that fits neither is left out.
"""

import re
from dataclasses import dataclass, field
from typing import Union

Step = str | int
WORD = re.compile(r"[\w-]*")
CURSOR = "\ue000"  # stands in the text for the word that is typed
TOKEN = re.compile(
    r""""(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|(?:^|(?<=\s))\#.*|[{}\[\],]|:(?=[\s,}\]]|$)"""
    r"""|(?:[^\s{}\[\],:"']|:(?![\s,}\]]|$))+|["']"""
)
OPEN, CLOSE = {"{": False, "[": True}, "}]"
TEXT_BLOCK = "|>"  # begin a text of several lines
MARKS = "&!"  # begin an anchor or a tag, before a value


@dataclass
class Node:
    """A mapping or a list.

    column   of its keys or dashes, from 0; None inside brackets
    listed   whether it is a list
    entries  key or index -> its node, its first word, or None where nothing is written yet
    last     the key or index that was read last; None inside braces before a key
    """

    column: int | None
    listed: bool = False
    entries: dict[Step, Union["Node", str, None]] = field(default_factory=dict)
    last: Step | None = None

    def add(self, key: Step, value: Union["Node", str, None] = None) -> None:
        """Take an entry as the last one."""
        self.entries[key] = value
        self.last = key

    def append(self, value: Union["Node", str, None] = None) -> None:
        """Take an item as the last one."""
        self.add(len(self.entries), value)


@dataclass(frozen=True)
class Place:
    """Where a word is typed.

    typed   its characters before the cursor
    colon   whether a colon follows it
    above   nodes from the outermost in, each with the key or index that leads on
    keys_of the mapping that a key would belong to; None where no key can stand
    values  whether a value can stand here
    """

    typed: str
    colon: bool
    above: tuple[tuple[Node, Step], ...]
    keys_of: Node | None
    values: bool


def place_of(text: str, cursor: int) -> Place | None:
    """The place of the word at an index of the text; None where neither key nor value can stand."""
    before, after = text[:cursor], text[cursor:]
    start = len(before)
    while start and WORD.fullmatch(before[start - 1]):
        start -= 1
    rest = after[len(re.match(WORD, after)[0]) :]  # type: ignore[index]  # matches always
    outline = _Outline(before[start:])
    outline.read(f"{before[:start]}{CURSOR}{rest}")
    return outline.place


def outermost(text: str) -> Node:
    """The outermost mapping or list of a text; one without entries where there is none."""
    outline = _Outline()
    outline.read(text)
    root = outline.stack[0].entries[""]
    return root if isinstance(root, Node) else Node(0)


class _Outline:
    """Reads a text line by line, and keeps the place of CURSOR."""

    def __init__(self, typed: str = ""):
        self.typed = typed
        self.place: Place | None = None
        self.stack = [Node(-1, entries={"": None}, last="")]  # holds the root
        self.text_column: int | None = None  # lines further in than this are text

    @property
    def top(self) -> Node:
        return self.stack[-1]

    def read(self, text: str) -> None:
        """Take a text."""
        for line in text.split("\n"):
            self._read_line(line)

    def _read_line(self, line: str) -> None:
        tokens = [(match.start(), match[0]) for match in TOKEN.finditer(line)]
        tokens = [(column, token) for column, token in tokens if token[0] != "#"]
        if not tokens:
            return
        column = tokens[0][0]
        if self.text_column is not None and column > self.text_column:
            return
        self.text_column = None
        block = max(node.column for node in self.stack if node.column is not None)
        if column <= block:  # brackets that were left open end here
            self.stack = [node for node in self.stack if node.column is not None]
        if self.top.column is not None:
            tokens = self._begin(tokens)
        for i, (_, token) in enumerate(tokens):
            self._take(token, _colon_after(tokens, i))

    def _begin(self, tokens: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """Take the dashes and the key at the beginning of a line; the rest is its value."""
        dashes = 0
        while dashes < len(tokens) and tokens[dashes][1] == "-":
            column = tokens[dashes][0]
            self._leave(column, listed=True)
            if not self.top.listed or self.top.column != column:
                self._enter(Node(column, listed=True))
            self.top.append()
            dashes += 1
        rest = tokens[dashes:]
        if not rest:
            return []
        column, word = rest[0]
        colon = _colon_after(rest, 0)
        if not colon and word != CURSOR:
            return rest if dashes or word in OPEN else []
        self._leave(column, listed=False)
        if not self._key(column, _plain(word), colon):
            return []
        return rest[2:]

    def _key(self, column: int, key: str, colon: bool) -> bool:
        """Take a key in a block. False where none can stand."""
        begins = self.top.column != column
        if begins:
            held = None if self.top.last is None else self.top.entries[self.top.last]
            if isinstance(held, str) or (isinstance(held, Node) and held.listed):
                return False
            self._enter(Node(column))
        if key == CURSOR:
            self._keep_place(self.stack[:-1], self.top, begins and not colon, colon)
        self.top.add(key)
        return True

    def _take(self, token: str, colon: bool) -> None:
        """Take a token of a value."""
        top = self.top
        empty = top.last is not None and top.entries[top.last] is None
        inside = top.column is None
        if token in OPEN and (empty or (inside and top.listed)):
            if inside and top.listed:
                top.append()
            self._enter(Node(None, OPEN[token]))
        elif inside and token in CLOSE:
            self.stack.pop()
        elif inside and token == ",":
            top.last = top.last if top.listed else None
        elif token[0] not in (*",:", *OPEN, *CLOSE, *MARKS):
            self._word(_plain(token), colon, empty)

    def _word(self, word: str, colon: bool, empty: bool) -> None:
        top = self.top
        key = top.column is None and not top.listed and (colon or top.last is None)
        if key:
            if word == CURSOR:
                self._keep_place(self.stack[:-1], top, False, colon)
            if colon:
                top.add(word)
            return
        if top.column is None and top.listed:
            top.append(word)
        elif empty and top.last is not None:
            top.entries[top.last] = word
            if word[0] in TEXT_BLOCK:
                self.text_column = top.column
        else:
            return
        if word == CURSOR:
            self._keep_place(self.stack, None, True, colon)

    def _leave(self, column: int, listed: bool) -> None:
        """Leave the nodes that end before a line whose first token stands at a column."""
        while self.top.column is None or self.top.column > column:
            self.stack.pop()
        while self.top.listed and not listed and self.top.column == column:
            self.stack.pop()

    def _enter(self, node: Node) -> None:
        """Enter a node: the value of the last entry."""
        if self.top.last is not None:
            self.top.entries[self.top.last] = node
        self.stack.append(node)

    def _keep_place(
        self, nodes: list[Node], keys_of: Node | None, values: bool, colon: bool
    ) -> None:
        """Keep the place of CURSOR, below the last entries of nodes."""
        above = tuple((node, node.last) for node in nodes[1:] if node.last is not None)
        self.place = Place(self.typed, colon, above, keys_of, values)


def _colon_after(tokens: list[tuple[int, str]], i: int) -> bool:
    """Whether a colon follows a token."""
    return len(tokens) > i + 1 and tokens[i + 1][1] == ":"


def _plain(token: str) -> str:
    """A token without its quotes."""
    return token.strip("\"'") or token
