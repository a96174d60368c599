"""The ledger that a tuned spec names: a file beside the spec, of which the spec has the SHA-256.

The ledgers of the shipped specs are found from wherever a copy of the spec lies, as the hash tells
whether it is the right one.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.shipped import shipped_folder
from workbench.spec import source
from workbench.spec.language import Ledger, LedgerName, TunedOn
from workbench.spec.partial import validated
from workbench.spec.problems import Fault, SpecError, shortened
from workbench.spec.source import Source

AT = ("tuned", "ledger")


def checked_ledger(parsed: Source) -> Ledger:
    """The ledger of a file. Raises SpecError with every problem."""
    ledger, wrong = validated(Ledger, parsed.values)
    parsed.refuse([*parsed.faults, *parsed.independent(wrong)])
    return ledger


def with_ledger(parsed: Source) -> tuple[Any, list[Fault]]:
    """A theory's plain values, with the content of its ledger in place of the ledger's name.

    They have no ledger if it has a fault. A ledger within the spec, which earlier versions wrote,
    stays as it is.
    """
    values = parsed.values
    tuned = values.get("tuned") if isinstance(values, Mapping) else None
    if not isinstance(tuned, Mapping) or TunedOn.model_fields.keys() & tuned.keys():
        return values, []
    named, wrong = validated(LedgerName, tuned)
    if named is None:
        faults = [replace(fault, path=("tuned", *fault.path)) for fault in wrong]
        return {**values, "tuned": None}, faults
    content = _content(parsed, named)
    if isinstance(content, Fault):
        return {**values, "tuned": None}, [content]
    return {**values, "tuned": content}, []


def _content(parsed: Source, named: LedgerName) -> dict[str, Any] | Fault:
    """The ledger's values without its theory's name, or why there are none."""
    file, name = _file(parsed, named.ledger), shortened(named.ledger)
    if isinstance(file, Fault):
        return file
    try:
        text = source.text_of(file)
    except WorkbenchError as error:
        return Fault("ledger", AT, f"{name}, which {error.problem}", error.expected)
    if (digest := hashlib.sha256(text.encode()).hexdigest()) != named.sha256:
        shown = f"{named.sha256}, but {name} has {digest}"
        suggestion = "Restore the ledger, or write this hash here if the change was meant."
        return Fault("ledger", ("tuned", "sha256"), shown, "the hash of the ledger", suggestion)
    try:
        ledger = checked_ledger(source.parse(text, str(file)))
    except SpecError as error:
        suggestion = f"Its first problem: {error.problems[0]}"
        return Fault("ledger", AT, f"{name}, which is no ledger", "a tuning ledger", suggestion)
    return ledger.model_dump(exclude={"ledger"}, exclude_unset=True)


def _file(parsed: Source, ledger: str) -> Path | Fault:
    """The file of a ledger of that name, or why there is none."""
    name = shortened(ledger)
    if Path(ledger).name != ledger or ledger == "..":
        expected = "the name of a file in the folder of the spec"
        suggestion = "Move the ledger beside the spec, and write its name without folders."
        return Fault("ledger", AT, name, expected, suggestion)
    for folder in (*parsed.folders, shipped_folder() / "specs"):  # a copied spec is still found
        if os.path.isfile(folder / ledger):
            return folder / ledger
    if not parsed.folders:
        suggestion = "Load the spec's file, or give the text's `folder`, where its ledger lies."
        return Fault("ledger", AT, f"{name}, in a text without a folder", "a file", suggestion)
    expected = "the ledger that `workbench tune` wrote"
    suggestion = f"Copy it from where the spec came from to {parsed.folders[0]}."
    return Fault("ledger", AT, f"{name}, which does not exist", expected, suggestion)
