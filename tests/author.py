"""A program that writes a theory by what `--json` gives it, and nothing else.

It knows the words of the theory language, but neither the network nor what a good number is: it
fixes the problems that `check --json` lists, and keeps an edit if `score --json` gives a higher
Pearson correlation.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Run = Callable[..., tuple[int, str]]  # the words of a command -> exit code, standard output
MET, WRONG, NOT_MET = 0, 2, 3  # exit codes
MOST_FIXES = 20
MEANT = re.compile(r"Did you mean '(.+?)'\?")


@dataclass
class Author:
    """The author of one theory.

    run     runs the command line
    more    words of every score, such as where pictures are
    values  values to write for a key that is missing, by key
    tried   each theory's Pearson correlation, in the order in which they were scored
    """

    run: Run
    folder: Path
    more: Sequence[object]
    values: dict[str, str]
    tried: list[float] = field(default_factory=list)
    asked: int = 0

    @property
    def theory(self) -> Path:
        return self.folder / "theory.yaml"

    def fix(self) -> list[str]:
        """Fix the first problem until there is none; the codes of those that were fixed."""
        codes = []
        for _ in range(MOST_FIXES):
            code, out = self.run("check", self.theory, "--json")
            (checked,) = json.loads(out)
            if code == MET:
                return codes
            problem = checked["problems"][0]
            codes.append(problem["code"])
            self._fix(problem)
        raise AssertionError(f"problems that it could not fix: {checked['problems']}")

    def _fix(self, problem: dict[str, Any]) -> None:
        lines = self.theory.read_text().splitlines()
        line, key = lines[problem["line"] - 1], problem["path"].rpartition(".")[2]
        meant = MEANT.fullmatch(problem["suggestion"])
        if meant and problem["code"] == "unknown-key":
            line = re.sub(rf"\b{key}:", f"{meant[1]}:", line)
        elif meant:
            line = line.replace(problem["found"].strip("'"), meant[1])
        elif problem["code"] == "missing-key":
            missing = problem["expected"].removeprefix("the key ")
            line = re.sub(r"\}", f", {missing}: {self.values[missing]}}}", line, count=1)
        elif problem["code"] == "out-of-range":
            line = re.sub(rf"\b{key}: [-\d.]+", f"{key}: {self.values[key]}", line)
        assert line != lines[problem["line"] - 1], problem
        lines[problem["line"] - 1] = line
        self.theory.write_text("\n".join(lines) + "\n")

    def score(self, *requirements: str) -> tuple[int, float]:
        """The exit code of a quick score, and the Pearson correlation."""
        required = [word for text in requirements for word in ("--require", text)]
        files = (self.theory, "--circuit", self.folder / "circuit.yaml", *self.more)
        code, out = self.run("score", *files, "--json", "--quick", *required)
        assert code in (MET, NOT_MET), code
        document = json.loads(out)
        pearson = document["conditions"]["spliced"]["pearson"]
        self.tried.append(pearson)
        self.asked = document["asked"]
        return code, pearson

    def improve(self, edits: Sequence[tuple[str, Sequence[str]]], *requirements: str) -> bool:
        """Try the values of one number after the other; whether the requirements are met.

        An edit is a pattern with a group for the number, and the values to try.
        """
        code, best = self.score(*requirements)
        for pattern, values in edits:
            for value in values:
                if code == MET:
                    return True
                before = self.theory.read_text()
                self.theory.write_text(_with_number(before, pattern, value))
                code, pearson = self.score(*requirements)
                if pearson > best:
                    best = pearson
                else:
                    self.theory.write_text(before)
        return code == MET


def _with_number(text: str, pattern: str, value: str) -> str:
    match = re.search(pattern, text)
    assert match, pattern
    return text[: match.start(1)] + value + text[match.end(1) :]
