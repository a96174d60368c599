"""Measure how far a family's units are rotated copies of one another, each in its own frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.analyses.equivariance.drawings import DRAWN
from workbench.analyses.equivariance.figures import (
    Equivariance,
    equivariance_json,
    equivariance_score,
)
from workbench.analyses.equivariance.filters import filters
from workbench.analyses.equivariance.plot import draw_equivariance
from workbench.analyses.equivariance.responses import frames_of, on_drawings, on_pictures
from workbench.analyses.equivariance.view import (
    HUE,
    LEAST,
    REFLECTION,
    ROTATION,
    SCALE,
    Evidence,
)
from workbench.analyses.equivariance.weights import from_family, raw_weights
from workbench.compiler.bind import Bound
from workbench.compiler.compile import refuse_strange
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.hosts.host import Host
from workbench.hosts.store import load
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.score.facts import Header, circuit_facts, host_facts, picture_facts
from workbench.spec import TrainedCircuit, load_circuit
from workbench.vision.pictures import Picture
from workbench.work import Work


@dataclass(frozen=True)
class EquivarianceRequest:
    """The input of `equivariance`.

    circuit_file  the trained units
    pictures      natural pictures that are turned
    bound         families and the circuit files of the units, at the site just before, from which
                  weights are compared too
    tolerance     share of a unit's variance that its prototype must explain
    """

    circuit_file: Path
    pictures: Sequence[Picture]
    bound: Mapping[str, Path] = field(default_factory=dict)
    tolerance: float = LEAST


def equivariance(request: EquivarianceRequest, output: Path, work: Work) -> Equivariance:
    """Measure how far the units of a circuit file are rotated copies of one another.

    Writes equivariance.json and equivariance.png to the folder `output`. Raises WorkbenchError,
    also for a circuit of one unit.
    """
    circuit = load_circuit(request.circuit_file)
    bound = {family: load_circuit(file) for family, file in request.bound.items()}
    if len(circuit.units) < 2:
        raise WorkbenchError(
            str(request.circuit_file), "one unit", "two or more: copies of one another"
        )
    if circuit.lacking(("centre_deg",)):
        raise WorkbenchError(
            str(request.circuit_file),
            "units without centre_deg",
            "units with a direction: round ones are the same however they are turned",
            "`workbench score` and `claims` compare their hues.",
        )
    host, frames = load(circuit.host), frames_of(circuit)
    for units in (circuit, *bound.values()):
        refuse_strange(units, host)
    work = work.on_host(host.name)
    sized = bool(frames.octaves.any())
    of_weights = _of_weights(host, circuit, bound, sized)

    with folder_written_whole(output) as folder:
        advance = work.stage("drawings", len(DRAWN))
        drawn = on_drawings(host, circuit, sized, advance, work.cache)
        advance = work.stage("pictures", len(request.pictures))
        natural = on_pictures(host, circuit, request.pictures, advance, work.cache)
        turns = (ROTATION, REFLECTION)
        views = {
            "drawings": Evidence(drawn.tables, _turns(sized), turning=drawn.turning.tables),
            "pictures": Evidence(natural.tables, turns, turning=natural.turning.tables),
            **of_weights,
        }
        header = _header(request, host, circuit, bound, work.seed)
        result = equivariance_score(header, circuit, frames, views, work.seed, request.tolerance)
        write_whole(folder / "equivariance.json", equivariance_json(result))
        write_whole(folder / "equivariance.png", png(draw_equivariance(result, circuit, natural)))
    return result


def _turns(sized: bool) -> tuple[str, ...]:
    """The parts of the group that drawings and weights can tell apart."""
    return (ROTATION, REFLECTION, SCALE) if sized else (ROTATION, REFLECTION)


def _of_weights(
    host: Host, circuit: TrainedCircuit, bound: Bound, sized: bool
) -> dict[str, Evidence]:
    """The evidence of the weights from each bound family, and of filters on the picture."""
    views = {}
    for family, units in bound.items():
        weights = from_family(host, circuit, units)
        raw = raw_weights(host, circuit, units)
        views[f"weights from {family}"] = Evidence(weights.tables, _turns(sized), raw=raw)
    if on_picture := filters(host, circuit):
        views["filters"] = Evidence(on_picture.tables, (ROTATION, REFLECTION, SCALE, HUE))
    return views


def _header(
    request: EquivarianceRequest, host: Host, circuit: TrainedCircuit, bound: Bound, seed: int
) -> Header:
    return Header(
        host=host_facts(host),
        circuit={**circuit_facts(circuit), "units": len(circuit.units)},
        bound={family: units.sha256 for family, units in bound.items()},
        images=picture_facts(request.pictures),
        seed=seed,
    )
