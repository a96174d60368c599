"""Recorded scores, computed again from the files in their folder (`workbench score --again`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import WorkbenchError
from workbench.terminal.session import Session

if TYPE_CHECKING:
    from workbench.engine import Engine
    from workbench.score.record import Record
    from workbench.vision.pictures import Picture


def pictures_again(record: "Record", session: Session, words: Mapping[str, Any]) -> str:
    """The text of score.json of a theory of units in pictures."""
    from workbench.rebuild import RebuildRequest, run
    from workbench.score.document import to_json

    options, inputs = record.options, record.inputs
    _refuse_other_host(record)
    request = RebuildRequest(
        files=[(Path(spec), Path(circuit)) for spec, circuit in inputs.theories],
        pictures=_pictures(record, session, words, "images"),
        calibration=_pictures(record, session, words, "calibration"),
        bound_files={family: Path(file) for family, file in inputs.trained.items()},
        compare_files=[Path(file) for file in inputs.compared],
        with_variants=options["variants"],
        quick=options["quick"],
        visualised=False,
        precision=options["precision"],
    )
    engine: Engine = words["engine"]
    # entries of the cache would be compared with themselves
    work = session.work(options["seed"], True, engine, words["device"])
    return to_json(run(request, work).card)


def _pictures(
    record: "Record", session: Session, words: Mapping[str, Any], key: str
) -> "list[Picture]":
    """The pictures of the recorded run. Raises WorkbenchError if those given are others."""
    from workbench.files import set_sha256
    from workbench.score.record import refuse_other

    facts, given = record.known_by[key], words[key]
    if given is None and "photographs" not in facts:
        raise WorkbenchError(
            f"--{key}",
            "is not given, and the recorded run had a folder of pictures",
            f"the folder of {facts['n']} pictures whose set has SHA-256 {facts['sha256']}",
        )
    most = facts["n"] if key == "calibration" else None
    part = "headline" if key == "images" else "calibration"
    pictures = session.pictures(given, words["common"].skip_broken, part, most)
    present = set_sha256([picture.sha256 for picture in pictures])
    refuse_other(f"--{key}", "pictures", present, facts["sha256"])
    return pictures


def _refuse_other_host(record: "Record") -> None:
    """Raise WorkbenchError if the installed network is not the recorded one."""
    from workbench.hosts.store import load

    host = record.known_by["host"]
    if (present := load(host["name"]).fingerprint) != host["fingerprint"]:
        raise WorkbenchError(
            f"host {host['name']}",
            f"has other weights: fingerprint {present}",
            f"those of the recorded run, {host['fingerprint']}",
            f"Install the same network: `workbench hosts pull {host['name']}`, or hosts add.",
        )


def tokens_again(record: "Record", session: Session, words: Mapping[str, Any]) -> str:
    """The text of score.json of a theory of tokens; its prompts are made from the seed."""
    from workbench.files import sha256
    from workbench.score.record import refuse_other
    from workbench.sequences.document import to_json
    from workbench.sequences.score import TokenRequest, score_tokens

    _refuse_other_host(record)
    text, wanted = words["text"], record.known_by["text"]
    if wanted and text is None:
        raise WorkbenchError("--text", "is not given", f"the text file of SHA-256 {wanted}")
    if wanted:
        refuse_other("--text", "text", sha256(text), wanted)
    ((spec, circuit),) = record.inputs.theories
    options = record.options
    trained = options.get("use_trained", ())  # runs before the option do not have it
    request = TokenRequest(Path(spec), Path(circuit), text, pictured=True, use_trained=trained)
    return to_json(score_tokens(request, session.work(options["seed"], no_cache=True)))
