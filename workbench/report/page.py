"""The common parts of pages: their templates, and figures that are those of score.json."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from workbench.report.conditions import MISSING, NO_OUTPUT, number


@dataclass(frozen=True)
class Score:
    """The values of score.json; a path of keys joined by `/` names a figure.

    missing  the reason of figures that are missing; by default one for scores on pictures
    """

    values: Mapping[str, Any]
    missing: str = ""

    def at(self, path: str) -> Any:
        """The value at a path; None if a value on the path is missing.

        Raises KeyError for a path that does not exist.
        """
        value: Any = self.values
        for key in path.split("/"):
            if value is None:
                return None
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def figure(self, path: str, digits: int, reason: str = "") -> Markup:
        """A rounded figure, with its full value in the markup.

        If there is none, it is an en dash with the reason.
        """
        value = self.at(path)
        if value is None:
            why = reason or self.missing or self._reason(path)
            return Markup('<span title="{}">{}</span>').format(why, MISSING)
        shown = f"{value:,}" if isinstance(value, int) else number(value, digits)
        return Markup('<data value="{}" class="{}">{}</data>').format(
            json.dumps(value), path.replace(" ", "_"), shown
        )

    def _reason(self, path: str) -> str:
        return missing(path) if self.values["has_output"] else NO_OUTPUT

    def interval(self, path: str, digits: int, dash: bool = True) -> Markup:
        """A 95 % interval; if there is none, an en dash or nothing."""
        if self.at(path) is None:
            return self.figure(path, digits) if dash else Markup("")
        return Markup("{} to {}").format(
            self.figure(f"{path}/0", digits), self.figure(f"{path}/1", digits)
        )


def template(name: str, package: str = "workbench.report") -> Template:
    """The template of a page in `package`; it may include those of `workbench.report`."""
    loader = ChoiceLoader([PackageLoader(place, ".") for place in (package, "workbench.report")])
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    ).get_template(name)


def missing(path: str) -> str:
    """The reason why a figure is missing."""
    if "top1" in path.split("/") or "top5" in path.split("/"):
        return "the pictures carry no labels that the host knows, or the ablation lost no answer"
    if "recovered" in path:
        return "the ablation lost nothing here, so there is nothing to recover"
    return "could not be measured on these pictures"
