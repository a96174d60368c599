"""Run every analysis of a theory and put them on one page.

Each part is kept in the cache folder until the page is complete, so an interrupted run continues
with the part where it stopped.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import workbench
from workbench.analyses.request import ReportRequest, Verdict
from workbench.arrays.devices import CPU, computed_on
from workbench.cache import cache_key
from workbench.code import source_version
from workbench.errors import WorkbenchError
from workbench.evaluate.batches import batch_name
from workbench.files import cache_folder, write_whole
from workbench.full_report.page import FinishedPart, Opening, as_html, render_page
from workbench.full_report.parts import SCORE, PartFunction, absent, parts
from workbench.hosts.store import load
from workbench.manifest import refuse_users_files
from workbench.report.provenance import on_what, picture_counts
from workbench.result_folder import folder_written_whole
from workbench.score.facts import picture_facts
from workbench.spec import Spec, TrainedCircuit, load_circuit, load_theory
from workbench.work import Work

PART, RESULT = "part.json", "result"


def report(request: ReportRequest, output: Path, work: Work = Work()) -> Path:  # noqa: B008
    """Run every part, write report.html and a folder for each part to `output`; the page's path.

    A part that cannot be made, such as claims of a theory that has none, is named under "What was
    not shown"; only the score must succeed. Parts that an interrupted run has finished are read
    again. Raises WorkbenchError.
    """
    spec, trained = load_theory(request.spec_file), load_circuit(request.circuit_file)
    with (
        folder_written_whole(output) as folder,
        _parts_folder(_key(request, spec, trained, work.seed)) as kept,
    ):
        finished = {
            name: _finished(name, part, kept / name, request, work)
            for name, part in parts().items()
        }
        for name, part in finished.items():
            if part.folder.is_dir():
                shutil.copytree(part.folder, folder / name)
        made = _made(request, spec, trained, work.seed)
        write_whole(
            folder / "report.html", render_page(_opening(request, spec, trained), finished, made)
        )
    return output / "report.html"


@contextmanager
def _parts_folder(key: str) -> Iterator[Path]:
    """The folder of a run's finished parts, which is removed when the run is complete.

    It is in the cache, or lives as long as this process where the cache cannot be written.
    """
    kept = cache_folder() / "reports" / key
    with suppress(OSError):
        kept.mkdir(parents=True, exist_ok=True)
    if os.access(kept, os.W_OK):
        yield kept
        shutil.rmtree(kept, ignore_errors=True)
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / key


def _finished(
    name: str, part: PartFunction, kept: Path, request: ReportRequest, work: Work
) -> FinishedPart:
    """A part: read if an earlier run has finished it, else made now and kept."""
    key = f"{kept.parent.name}/{name}"
    facts = _facts(kept, key)
    if facts is None:
        shutil.rmtree(kept, ignore_errors=True)
        try:
            with folder_written_whole(kept) as scratch:
                (scratch / RESULT).mkdir()
                result = part(request, scratch / RESULT, work)
                facts = {
                    "key": key,
                    "table": as_html(result.table),
                    "left_open": result.left_open,
                    "verdicts": {
                        name: asdict(verdict) for name, verdict in result.verdicts.items()
                    },
                    "headline": result.headline,
                }
                write_whole(scratch / PART, json.dumps(facts))
        except WorkbenchError as error:
            if name == SCORE:
                raise
            reason = f"{name}: {error}"
            return FinishedPart(kept / RESULT, as_html(absent(reason).table), absent=reason)
    return FinishedPart(
        kept / RESULT,
        facts["table"],
        tuple(facts["left_open"]),
        {name: Verdict(**verdict) for name, verdict in facts["verdicts"].items()},
        facts["headline"],
    )


def _facts(kept: Path, key: str) -> dict[str, Any] | None:
    """The facts of a finished part; None if there is none of that key, or if it was damaged."""
    try:
        refuse_users_files(kept, kept)
        facts = json.loads((kept / PART).read_text())
    except (OSError, ValueError, WorkbenchError):
        return None
    return facts if isinstance(facts, dict) and facts.get("key") == key else None


def _key(request: ReportRequest, spec: Spec, trained: TrainedCircuit, seed: int) -> str:
    """The cache key of a run's parts: everything that they depend on."""
    files = [*request.bound.values(), *request.compare_with]
    return cache_key(
        source_version(),
        load(trained.host).facts,
        spec.sha256,
        trained.sha256,
        *request.bound,
        seed,
        len(request.few),
        *(batch_name(pictures) for pictures in (request.pictures, request.calibration)),
        *(hashlib.sha256(file.read_bytes()).hexdigest() for file in files),
    )


def _opening(request: ReportRequest, spec: Spec, trained: TrainedCircuit) -> Opening:
    units = f"{len(trained.units)} units of {trained.host}:{trained.site}"
    lead = (
        f"Every argument for {units}. The network's answers are compared on "
        f"{len(request.pictures)} pictures, everything else on {len(request.few)} of them."
    )
    return Opening(spec.theory.theory, lead, spec.theory.about or "")


def _made(
    request: ReportRequest, spec: Spec, trained: TrainedCircuit, seed: int
) -> list[tuple[str, str]]:
    images, calibration = picture_facts(request.pictures), picture_facts(request.calibration)
    return [
        ("host", f"{trained.host}, weights {trained.fingerprint}"),
        ("trained circuit", f"{trained.circuit} at {trained.site}, {trained.sha256}"),
        ("spec", f"{request.spec_file}, {spec.sha256}"),
        ("images", f"{images['n']}{picture_counts(images)}, {images['sha256']}"),
        (
            "calibration",
            f"{calibration['n']} pictures{picture_counts(calibration)}, {calibration['sha256']}",
        ),
        ("seed", str(seed)),
        ("computed on", on_what(computed_on(CPU))),
        ("workbench", workbench.__version__),
        *([("command", request.command)] if request.command else []),
    ]
