"""run.json, the record of a score: what `workbench score --again FOLDER` needs to compute it again.

The folder also holds the files that it names (`workbench.score.inputs`) and score.json. Pictures
are not copied; their set is known by its hash. docs/score-json.md has the keys.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import workbench
from workbench.errors import WorkbenchError
from workbench.files import sha256, write_whole
from workbench.score.environment import environment
from workbench.score.facts import as_json
from workbench.score.inputs import Inputs

FILE, SCORE = "run.json", "score.json"
FORMAT = 1
PICTURES, TOKENS = "pictures", "tokens"
KINDS = (PICTURES, TOKENS)


@dataclass(frozen=True)
class Record:
    """The inputs that a score was computed from.

    kind         "pictures" or "tokens"
    options      of the command, by name
    known_by     hashes of what is not in the folder: the host's fingerprint, and those of pictures
    environment  versions and processor (`workbench.score.environment`)
    """

    kind: str
    inputs: Inputs
    options: Mapping[str, Any]
    known_by: Mapping[str, Any]
    environment: Mapping[str, str]
    command: str = ""


def write_record(folder: Path, record: Record) -> None:
    """Write the copies of a score's files and its run.json. Raises WorkbenchError."""
    for name, content in record.inputs.contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(folder / name, content)
    facts = {
        "format": FORMAT,
        "workbench": workbench.__version__,
        "kind": record.kind,
        "command": record.command,
        "options": record.options,
        "theories": record.inputs.theories,
        "trained": record.inputs.trained,
        "compared": record.inputs.compared,
        "known_by": record.known_by,
        "environment": record.environment,
        "sha256": {
            name: hashlib.sha256(content).hexdigest()
            for name, content in record.inputs.contents.items()
        },
    }
    write_whole(folder / FILE, as_json(facts))


def of_run(
    kind: str,
    inputs: Inputs,
    options: Mapping[str, Any],
    known_by: Mapping[str, Any],
    device: str,
    command: str,
) -> Record:
    """The record of a run of this process."""
    return Record(kind, inputs, options, known_by, environment(device), command)


def read_record(folder: Path) -> Record:
    """The record of a folder, with the paths of its files as they are here.

    Raises WorkbenchError if the folder has none, or if a file is missing or was changed.
    """
    remedy = "Name a folder that `workbench score` wrote, with all of its files."
    try:
        facts = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise WorkbenchError(str(folder), f"has no readable {FILE}", "", remedy) from None
    try:
        if facts["format"] != FORMAT or facts["kind"] not in KINDS:
            raise WorkbenchError(
                str(folder / FILE),
                f"format {facts['format']} of {facts['kind']}",
                f"format {FORMAT} of {' or '.join(KINDS)}",
                "A later version of the workbench may read it.",
            )
        for name, digest in facts["sha256"].items():
            _refuse_changed(folder, name, digest)
        return _record(folder, facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        problem = f"is no record of a run ({type(error).__name__})"
        raise WorkbenchError(str(folder / FILE), problem, "", remedy) from None


def _record(folder: Path, facts: Mapping[str, Any]) -> Record:
    def here(name: str) -> str:
        if name not in facts["sha256"]:
            raise KeyError(name)
        return str(folder / name)

    inputs = Inputs(
        [(here(spec), here(circuit)) for spec, circuit in facts["theories"]],
        {family: here(name) for family, name in facts["trained"].items()},
        [here(name) for name in facts["compared"]],
    )
    record = Record(facts["kind"], inputs, facts["options"], facts["known_by"], {})
    return replace(record, environment=facts["environment"], command=facts["command"])


def _refuse_changed(folder: Path, name: str, digest: str) -> None:
    file = folder / name
    if ".." in Path(name).parts or not file.is_file():
        raise WorkbenchError(str(file), "is missing", f"the file of SHA-256 {digest}")
    if (present := sha256(file)) != digest:
        raise WorkbenchError(
            str(file), f"was changed: its SHA-256 is {present}", digest, "Restore the file."
        )


def refuse_other(option: str, what: str, present: str, recorded: str) -> None:
    """Raise WorkbenchError if something outside the folder is not what the score was made with."""
    if present != recorded:
        raise WorkbenchError(
            option,
            f"other {what}: SHA-256 {present}",
            f"those of the recorded run, {recorded}",
            f"Give the same {what}, of the same content; their names do not matter.",
        )
