"""Changes of YAML texts, by seed: what people mistype, and what breaks readers."""

import random
import re
from collections.abc import Iterator, Sequence

VALUES = [
    "null",
    "~",
    "true",
    "yes",
    ".nan",
    ".inf",
    "-.inf",
    "0",
    "-1",
    "1e300",
    "-1e300",
    "5e-324",
    "1e-30",
    "999999999999999999999",
    "0x1F",
    "1:30",
    "2026-01-01",
    "''",
    "'5'",
    "{}",
    "[]",
    "[[]]",
    "[1,2,3]",
    "{a:",
    "1}",
    "{tune:",
    "1,",
    "min:",
    "0,",
    "max:",
    "2}",
    "{tuned:",
    "1}",
    "{tune:",
    ".nan}",
    "*a",
    "&a",
    "&a\\",
    "1",
    "!!int\\",
    "x",
    "!!python/object:os.x",
    "<<",
    "",
    "input",
    "from-circuit",
    "512",
    "513",
    "4096",
]
KEYS = (".nan", "null", "<<", "1", "true", "?", "on", '"\\ud800"', '"\\0"', "a.b", "[0]", "input")
ODD = (
    "\ufeff",
    "\r\n",
    "\t",
    "\0",
    "\x1b",
    "\u2028",
    "\x85",
    "\ud800",
    "\U0001f642",
    "#",
    "- ",
    ": ",
)
VALUE = re.compile(r"(?<=: )[^,{}\[\]\n]+|(?<=\[)[^,{}\[\]\n]+")
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?=:)")


def mutated(texts: Sequence[str], seed: int) -> Iterator[str]:
    """Texts with one to three changes each, without end; the same for the same seed."""
    chance = random.Random(seed)
    while True:
        text = chance.choice(texts)
        for _ in range(chance.randint(1, 3)):
            text = chance.choice(CHANGES)(text, chance)
        yield text


def _in_place(pattern: re.Pattern, text: str, chance: random.Random, new: str) -> str:
    places = list(pattern.finditer(text))
    if not places:
        return text
    place = chance.choice(places)
    return text[: place.start()] + new + text[place.end() :]


def _value(text: str, chance: random.Random) -> str:
    return _in_place(VALUE, text, chance, chance.choice(VALUES).replace("\\ ", " "))


def _number(text: str, chance: random.Random) -> str:
    number = chance.choice([0, 1, -3, 0.03, 7, 61, 1e9, 10 ** chance.uniform(-9, 9)])
    return _in_place(re.compile(r"(?<![\w.#])\d+(?:\.\d+)?(?![\w.])"), text, chance, f"{number:g}")


def _key(text: str, chance: random.Random) -> str:
    keys = [match.group() for match in KEY.finditer(text)]
    return _in_place(KEY, text, chance, chance.choice([*KEYS, *keys, "wrong"]))


def _misspelt(text: str, chance: random.Random) -> str:
    place = chance.choice(list(KEY.finditer(text)) or [None])
    at = chance.randrange(place.start(), place.end()) if place else 0
    return text[:at] + chance.choice(["", "x", text[at : at + 1] * 2]) + text[at + 1 :]


def _odd(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(ODD) + text[at:]


def _line(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    ways = ([], [lines[at]] * 2, [lines[other]], ["  " + lines[at]], [lines[at].lstrip()])
    return "".join([*lines[:at], *chance.choice(ways), *lines[at + 1 :]])


def _cut(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] if chance.random() < 0.3 else text[:at] + text[at + chance.randint(1, 9) :]


def _bracket(text: str, chance: random.Random) -> str:
    return _in_place(re.compile(r"[\[\]{},:]"), text, chance, chance.choice("[]{},: ") * 2)


CHANGES = (_value, _value, _number, _number, _key, _misspelt, _odd, _line, _cut, _bracket)
