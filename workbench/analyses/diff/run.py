"""Compare the units of one family in two networks.

The units of each are found by a survey, fitted with a theory term by term, and matched with those
of the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench.analyses.diff.figures import Diff, diff_json, diff_score
from workbench.analyses.diff.match import HostUnits
from workbench.analyses.diff.terms import parts
from workbench.compiler import compile_spec
from workbench.compiler.compile import refuse_strange
from workbench.compiler.derived import compile_terms
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.calibration import calibrated, stream_inputs
from workbench.evaluate.run import evaluate
from workbench.files import write_whole
from workbench.hosts import Host
from workbench.hosts.store import load
from workbench.result_folder import folder_written_whole
from workbench.score.facts import Header, spec_facts
from workbench.score.recovery import recovered
from workbench.score.score import mean_figure
from workbench.score.uncertainty import Figure
from workbench.spec import Spec, load_circuit, load_theory
from workbench.splice.calibrate import Splices
from workbench.vision.pictures import Picture
from workbench.vision.survey import survey
from workbench.vision.survey.arcs import measure
from workbench.vision.survey.responses import steps_of
from workbench.vision.survey.trials import DIRECTIONS_DEG
from workbench.vision.survey.tuning import tuning
from workbench.work import Work

CONDITIONS = ("natural", "ablated.zero", "spliced")


@dataclass(frozen=True)
class DiffRequest:
    """The request of `diff`.

    hosts          the names of two networks
    spec_file      a theory; the units of its last family are compared
    circuit_files  each host's trained circuit, or None for a survey. A circuit names the units;
                   their responses are measured again
    pictures       the figures of the network's answers are means over these
    calibration    pictures that each unit's gain and bias are fitted on
    surveyed       pictures of surveys
    """

    hosts: tuple[str, str]
    spec_file: Path
    circuit_files: Sequence[Path | None]
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]
    surveyed: Sequence[Picture]


def diff(request: DiffRequest, output: Path, work: Work) -> Diff:
    """Compare the units of a theory's last family in two networks, and write diff.json to `output`.

    Both hosts' handwritten units have their surveyed poses, also where the spec was tuned on one of
    them. Raises WorkbenchError.
    """
    spec = _at_surveyed_poses(load_theory(request.spec_file))
    keep_apart(request.pictures, request.calibration, spec.theory.tuned)
    for name in request.hosts:
        load(name)  # refuse a mistyped second name before any work on the first
    with folder_written_whole(output) as folder:
        first, second = (
            _measured(load(name), spec, file, request, work)
            for name, file in zip(request.hosts, request.circuit_files, strict=True)
        )
        header = Header(spec=spec_facts(spec), seed=work.seed)
        result = diff_score(header, first, second)
        write_whole(folder / "diff.json", diff_json(result))
    return result


def _at_surveyed_poses(spec: Spec) -> Spec:
    """The spec without the poses of its ledger.

    They would move the units of a host that it was tuned on, and not the other's.
    """
    if not (tuned := spec.theory.tuned):
        return spec
    circuits = tuple(circuit.model_copy(update={"poses": {}}) for circuit in tuned.circuits)
    ledger = tuned.model_copy(update={"circuits": circuits})
    return replace(spec, theory=spec.theory.model_copy(update={"tuned": ledger}))


def _measured(
    host: Host, spec: Spec, circuit_file: Path | None, request: DiffRequest, work: Work
) -> HostUnits:
    """One network's units: their tuning, their weights by term, and their score."""
    if circuit_file:
        trained = load_circuit(circuit_file)
    else:
        family = list(spec.theory.families)[-1]
        trained = survey(host, family, request.surveyed, None, work.counter, cache=work.cache)
    refuse_strange(trained, host)
    work, calibration = work.on_host(host.name).named(host.name), request.calibration
    units = list(trained.channels("a comparison of two surveys"))
    steps = steps_of(host, "arcs", work.counter, work.cache)
    responses = measure(host, [trained.site], calibration, steps)[trained.site]
    tuned = tuning(responses)
    terms = compile_terms(spec, trained, host)
    progress = work.stage("terms", len(calibration))
    weights = parts(stream_inputs(host, terms, calibration, work, progress=progress), work.seed)
    splices = calibrated(host, compile_spec(spec, trained, host), calibration, work)
    lost, back = _worth(host, splices, request.pictures, work)
    return HostUnits(
        host=host.name,
        fingerprint=host.fingerprint,
        site=trained.site,
        units=tuple(units),
        responses=responses.arcs[..., units].reshape(-1, len(units)),
        directions_deg=np.asarray(DIRECTIONS_DEG, dtype=float),
        curve=tuned.curve[:, units],
        pose_deg=tuned.pose_deg[units],
        radius_px=tuned.radius_px[units],
        parts=weights,
        lost=lost,
        recovered=back,
    )


def _worth(
    host: Host, splices: Splices, pictures: Sequence[Picture], work: Work
) -> tuple[Figure, Figure]:
    """KL when the units are at zero, and the share that the handwritten ones recover of it."""
    kept = {name: splices.conditions[name] for name in CONDITIONS}
    statistics = evaluate(host, [replace(splices, conditions=kept)], pictures, work)
    lost = mean_figure(statistics, statistics.rows["ablated.zero"]["kl"], work.seed)
    return lost, recovered(statistics, "spliced", "ablated.zero", "kl", seed=work.seed)
