"""Problems of a file in plain words: pydantic's errors are translated, all of a file at once."""

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo

from workbench.errors import WorkbenchError, closest, nearest
from workbench.spec.language import BRANCHES
from workbench.spec.number import RefusedError

Path = tuple[str | int, ...]

MOST = 200  # problems of one file that are reported
COLUMNS = ("code", "line", "column", "path", "found", "expected", "suggestion")  # of JSON
LONGEST = 300  # characters of a name, or of a text of the file, that a message repeats

# code -> its meaning, as in the table of specs/README.md
CODES = {
    "syntax": "no YAML, or too much of it; the rest of the file is not looked at",
    "unsupported-yaml": "a tag, a merge key, a key that is no text, an unprintable character",
    "duplicate-key": "a key that its mapping has twice",
    "unknown-key": "a key that is not known there",
    "missing-key": "a key that must be there is not",
    "wrong-type": "a value of another type, such as text in place of a number",
    "wrong-word": "a word that is none of those allowed there",
    "wrong-name": "a name, or another text, of a form that is not allowed",
    "out-of-range": "a number, or how many there are, out of range",
    "conflict": "keys or values of one mapping that do not go together",
    "not-allowed": "a key or a read that this kind of family cannot have",
    "unknown-family": "a family that does not exist, or that the last family does not read",
    "family-order": "a family reads itself or a later one; from-circuit is not the last alone",
    "missing-axis": "a pose axis that the family or the unit does not have",
    "unknown-pose": "a value of a pose axis, or a unit, that is not there",
    "window-too-small": "a window that does not reach what the family reads",
    "stride": "a stride or an offset that is no multiple of the grid",
    "too-large": "more memory, work or units than allowed",
    "other-circuit": "a theory and a circuit of different names",
    "ledger": "the ledger of a tuned theory is not there, was changed, or is none",
    "unreadable": "a file that cannot be read",
}

# pydantic's type of an error -> code, expected
TYPES = {
    "greater_than": ("out-of-range", "a number above {gt:g}"),
    "greater_than_equal": ("out-of-range", "a number, at least {ge:g}"),
    "less_than": ("out-of-range", "a number below {lt:g}"),
    "less_than_equal": ("out-of-range", "a number, at most {le:g}"),
    "finite_number": ("out-of-range", "a finite number"),
    "too_short": ("out-of-range", "at least {min_length} of them"),
    "too_long": ("out-of-range", "at most {max_length} of them"),
    "string_too_short": ("out-of-range", "some text"),
    "float_type": ("wrong-type", "a number"),
    "int_type": ("wrong-type", "a whole number"),
    "int_from_float": ("wrong-type", "a whole number"),
    "string_type": ("wrong-type", "text"),
    "dict_type": ("wrong-type", "a mapping (key: value)"),
    "model_type": ("wrong-type", "a mapping (key: value)"),
    "list_type": ("wrong-type", "a list"),
    "tuple_type": ("wrong-type", "a list"),
    "string_pattern_mismatch": ("wrong-name", "text like {pattern}"),
    "literal_error": ("wrong-word", "{expected}"),
    "value_error": ("conflict", "{error}"),
}


@dataclass(frozen=True)
class Fault:
    """A fault at a path of keys. `code` is one of CODES.

    `found` None stands for the text as it is written there; `suggestion` is a sentence or empty.

    `at` is (line, column) where the path's own place is not the one meant.
    """

    code: str
    path: Path
    found: str | None = None
    expected: str = ""
    suggestion: str = ""
    at: tuple[int, int] | None = None


@dataclass(frozen=True, order=True)
class Problem:
    """A fault with its place in a file.

    `line` and `column` count from 1; `key` is written as `families.curve.reads.line[0].radius_px`.
    `code` is one of CODES.
    """

    file: str
    line: int
    column: int
    key: str
    found: str
    expected: str = ""
    suggestion: str = ""
    code: str = "syntax"

    def __str__(self) -> str:
        where = (
            f"{self.file}:{self.line}: {self.key}"
            if self.key
            else f"{self.file}:{self.line}:{self.column}"
        )
        expected = f"; expected {self.expected}" if self.expected else ""
        suggestion = f". {self.suggestion}" if self.suggestion else ""
        return printable(f"{where}: found {self.found}{expected}{suggestion}")


def printable(text: str) -> str:
    """The text in one line, with characters that a terminal would obey or refuse as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str) -> str:
    """The text, cut after LONGEST characters."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


class SpecError(WorkbenchError):
    """The problems of one file, one line each, in the order of the file: at most MOST."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(sorted(set(problems)))
        super().__init__(self.problems[0].file, f"{len(self.problems)} problems")

    @property
    def lines(self) -> list[str]:
        """A line for each of the first MOST problems, and one that says that there are more."""
        shown = [str(problem) for problem in self.problems[:MOST]]
        return shown if len(self.problems) <= MOST else [*shown, f"{self.where}: more problems"]

    def __str__(self) -> str:
        return "\n".join(self.lines)


def rows(error: WorkbenchError) -> list[dict[str, Any]]:
    """The problems as plain values, for JSON: at most MOST.

    Keys: code, line, column, path, found, expected and suggestion. Line and column are None, and
    the path is empty, for a file that cannot be read.
    """
    if not isinstance(error, SpecError):
        values = "unreadable", None, None, "", error.problem, error.expected, error.remedy
        return [dict(zip(COLUMNS, values, strict=True))]
    return [
        dict(
            zip(
                COLUMNS,
                (p.code, p.line, p.column, p.key, p.found, p.expected, p.suggestion),
                strict=True,
            )
        )
        for p in error.problems[:MOST]
    ]


def key_text(path: Path) -> str:
    """`families.line.reads.input[0]` for `("families", "line", "reads", "input", 0)`."""
    return "".join(
        f"[{key}]" if isinstance(key, int) else f".{shortened(key)}" for key in path
    ).removeprefix(".")


def faults(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """The faults of a failed `model.model_validate`, one for each thing to fix.

    More than twice MOST are looked at, so that it shows that there are more: a misspelt key is two.
    """
    details = error.errors(include_url=False)[: 2 * MOST + 2]
    unknown = {tuple(d["loc"]) for d in details if d["type"] == "extra_forbidden"}
    missing = {tuple(d["loc"]) for d in details if d["type"] == "missing"}
    near = {loc: _near_miss(loc, model, missing) for loc in unknown}
    misspelt = {(*loc[:-1], name) for loc, name in near.items() if name}
    within = {tuple(d["loc"][:n]) for d in details for n in range(len(d["loc"]))}
    follow = {("missing", loc) for loc in misspelt} | {
        ("too_short", loc) for loc in within
    }  # pydantic counts only the items that are valid
    return [_fault(d, model, near) for d in details if (d["type"], tuple(d["loc"])) not in follow]


def without_branches(loc: Path) -> Path:
    """Pydantic's location without the names of the union's branches."""
    return tuple(key for key in loc if key not in BRANCHES)


def _fault(detail: Any, model: type[BaseModel], near: Mapping[Path, str]) -> Fault:
    kind, loc = detail["type"], tuple(detail["loc"])
    path = without_branches(loc)
    if kind == "extra_forbidden":
        suggestion = (
            f"Did you mean {near[loc]!r}?" if near[loc] else nearest("", fields_at(model, loc[:-1]))
        )
        shown = "a key that is not known here"
        return Fault("unknown-key", path, shown, suggestion=suggestion)
    if kind == "missing" and isinstance(path[-1], int):
        return Fault("out-of-range", path[:-1], None, f"at least {path[-1] + 1} of them")
    if kind == "missing":
        return Fault("missing-key", path[:-1], f"no {path[-1]}", f"the key {path[-1]}")
    code, expected = _expected(detail)
    if path[-1:] == ("[key]",):
        name = shortened(repr(detail["input"]))
        return Fault(code, path[:-1], f"the name {name}", expected)
    return Fault(code, path, None, expected, _quoted(detail) or _near_value(detail))


def _expected(detail: Any) -> tuple[str, str]:
    """The code of one of pydantic's errors, and what was expected."""
    context = detail.get("ctx", {})
    code, expected = TYPES.get(detail["type"], ("wrong-type", ""))
    code = context["error"].code if isinstance(context.get("error"), RefusedError) else code
    return code, expected.format(**context) if expected else detail["msg"]


def _quoted(detail: Any) -> str:
    """A suggestion for text that YAML reads as a number, a date or a truth value."""
    return (
        "Put it in quotes."
        if detail["type"] == "string_type" and isinstance(detail["input"], (bool, int, float, date))
        else ""
    )


def _near_value(detail: Any) -> str:
    if detail["type"] != "literal_error" or not isinstance(detail["input"], str):
        return ""
    options = detail["ctx"]["expected"].split("'")[1::2]
    close = closest(detail["input"], options)
    return f"Did you mean {close!r}?" if close else ""


def _near_miss(loc: Path, model: type[BaseModel], missing: set[Path]) -> str:
    """The field that the unknown key at `loc` was probably meant for, a missing one first."""
    absent = [str(path[-1]) for path in missing if path[:-1] == loc[:-1]]
    for names in (absent, fields_at(model, loc[:-1])):
        if close := closest(str(loc[-1]), names):
            return close
    return ""


def fields_at(model: type[BaseModel], loc: Path) -> list[str]:
    """Names of the fields that the mapping at a pydantic location may have."""
    here = [model]
    for key in loc:
        here = [kind for above in here for kind in _below(above, key)]
    return sorted({name for kind in here if _is_model(kind) for name in _fields(kind)})


def _below(kind: Any, key: str | int) -> list[Any]:
    """Types of the value at `key` of a value of the type `kind`.

    Follows models, mappings, lists and named branches of unions.
    """
    if _is_model(kind):
        return _plain(_fields(kind)[str(key)].annotation) if key in _fields(kind) else []
    if typing.get_origin(kind) is Annotated:
        return _plain(typing.get_args(kind)[0]) if Tag(str(key)) in kind.__metadata__ else []
    inner = typing.get_args(kind)
    if typing.get_origin(kind) is tuple and inner[-1] is not Ellipsis:  # each place has its type
        return _plain(inner[key]) if isinstance(key, int) and key < len(inner) else []
    return _plain(inner[-1 if typing.get_origin(kind) is dict else 0]) if inner else []


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _fields(kind: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the names that a file gives them."""
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def _plain(kind: Any) -> list[Any]:
    """The type without its annotations, a union as its members; a tagged branch stays as it is."""
    if typing.get_origin(kind) is Annotated:
        tagged = any(isinstance(note, Tag) for note in kind.__metadata__)
        return [kind] if tagged else _plain(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [member for option in typing.get_args(kind) for member in _plain(option)]
    return [kind] if kind is not types.NoneType else []
