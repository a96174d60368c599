"""From a theory to every argument for it, on one page: each part is a verb of its own, and is kept when the run is interrupted."""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import workbench
from workbench.arrays.devices import CPU, computed_on
from workbench.cache import Cache
from workbench.code import computed_by
from workbench.errors import WorkbenchError
from workbench.evaluate.run import batch_name
from workbench.files import cache_folder, folder_written_whole, write_whole
from workbench.hosts.store import load
from workbench.pictures import Picture, first_by_content
from workbench.rebuild import Stage
from workbench.report.argued import Told, argued, as_html
from workbench.report.html import on_what, with_skipped
from workbench.score.facts import picture_facts
from workbench.spec import Spec, TrainedCircuit, load_circuit, load_theory
from workbench.verbs.parts import PARTS, Request, said_nothing

FEW = 100
PART, RESULT = "part.json", "result"


def report(
    spec_file: Path,
    circuit_file: Path,
    bound_files: Mapping[str, Path],
    beside_files: Sequence[Path],
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    few: int = FEW,
    command: str = "",
    cache: Cache | None = None,
) -> Path:
    """Run every part, and write report.html and each part's folder to `output`; the page's path.

    The score is on all `pictures`, every other part on the `few` that come first by content hash. A part that cannot be made, as claims of a theory
    that makes none, is named under what was not shown; the score must be. Parts that an earlier, interrupted run finished are read back.
    `stage` and the rest are as of `rebuild`. Raises WorkbenchError.
    """
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    some = first_by_content(pictures, few)
    ask = Request(spec_file, circuit_file, bound_files, beside_files, pictures, some, calibration, stage, seed, command, cache)
    kept = cache_folder() / "reports" / _key(ask, spec, trained)
    with folder_written_whole(output, marker="report.html") as folder:
        told = {name: _part(name, ask, kept / name) for name in PARTS}
        for name, part in told.items():
            if part.folder.is_dir():
                shutil.copytree(part.folder, folder / name)
        lead = f"Every argument for {len(trained.units)} units of {trained.host}:{trained.site}, on {len(pictures)} pictures"
        lead += f" where the network's answers are judged and {len(some)} elsewhere"
        page = argued(spec.theory.theory, lead, spec.theory.about or "", told, list(_made(ask, spec, trained)))
        write_whole(folder / "report.html", page)
    shutil.rmtree(kept, ignore_errors=True)
    return output / "report.html"


def _part(name: str, ask: Request, kept: Path) -> Told:
    """A part that is kept, or made now and kept."""
    if not (kept / PART).exists():
        try:
            with folder_written_whole(kept, marker=PART) as scratch:
                (scratch / RESULT).mkdir()
                said = PARTS[name](ask, scratch / RESULT)
                write_whole(scratch / PART, json.dumps({"table": as_html(said.table), "not_shown": said.not_shown}))
        except WorkbenchError as error:
            if name == "score":
                raise
            said = said_nothing(f"{name}: {error}")
            return Told(kept / RESULT, as_html(said.table), said.not_shown)
    facts = json.loads((kept / PART).read_text())
    return Told(kept / RESULT, facts["table"], tuple(facts["not_shown"]))


def _key(ask: Request, spec: Spec, trained: TrainedCircuit) -> str:
    """What a run is known by."""
    files = [file.read_bytes() for file in (*ask.bound.values(), *ask.beside)]
    words = [computed_by(), load(trained.host).facts, spec.sha256, trained.sha256, *ask.bound, str(ask.seed), str(len(ask.few))]
    words += [batch_name(some) for some in (ask.pictures, ask.calibration)]
    return hashlib.sha256("\n".join(words).encode() + b"".join(hashlib.sha256(file).digest() for file in files)).hexdigest()


def _made(ask: Request, spec: Spec, trained: TrainedCircuit) -> list[tuple[str, str]]:
    images, calibration = picture_facts(ask.pictures), picture_facts(ask.calibration)
    return [
        ("host", f"{trained.host}, weights {trained.fingerprint}"),
        ("trained circuit", f"{trained.circuit} at {trained.site}, {trained.sha256}"),
        ("spec", f"{ask.spec_file}, {spec.sha256}"),
        ("images", f"{images['n']}{with_skipped(images)}, {images['sha256']}"),
        ("calibration", f"{calibration['n']} pictures{with_skipped(calibration)}, {calibration['sha256']}"),
        ("seed", str(ask.seed)),
        ("computed on", on_what(computed_on(CPU))),
        ("workbench", workbench.__version__),
        *([("command", ask.command)] if ask.command else []),
    ]
