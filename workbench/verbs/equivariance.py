"""From a trained circuit to what symmetry saves: the family's units beside each other, each in its own frame."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.cache import Cache
from workbench.compiler.compile import refuse_strange
from workbench.errors import WorkbenchError
from workbench.evaluate.turned import frames_of, on_drawings, on_pictures
from workbench.evaluate.turned_drawings import DRAWN
from workbench.evaluate.turned_weights import filters, from_family, raw_weights
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.named import cache_of
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.equivariance_plot import draw_equivariance
from workbench.score.equivariance import (
    HUE,
    LEAST,
    REFLECTION,
    ROTATION,
    SCALE,
    Equivariance,
    Evidence,
    equivariance_json,
    equivariance_score,
)
from workbench.spec import load_circuit


def equivariance(
    circuit_file: Path,
    bound_files: Mapping[str, Path],
    pictures: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    tolerance: float = LEAST,
    cache: Cache | None = None,
) -> Equivariance:
    """Ask how far the units of a circuit file are turned copies of one another, and write equivariance.json and equivariance.png to `output`.

    `bound_files`: families and the circuit files of the units, at the site just before, from which weights are looked at. `stage` and `cache` are
    as of `rebuild`. Raises WorkbenchError, also for a circuit of one unit.
    """
    circuit, bound = load_circuit(circuit_file), {family: load_circuit(file) for family, file in bound_files.items()}
    if len(circuit.units) < 2:
        raise WorkbenchError(str(circuit_file), "one unit", "two or more: copies of one another")
    host, frames = load(circuit.host), frames_of(circuit)
    for each in (circuit, *bound.values()):
        refuse_strange(each, host)
    cache = cache_of(host.name, cache)
    sized = bool(frames.octaves.any())
    turns = (ROTATION, REFLECTION)
    weights = {
        f"weights from {family}": (from_family(host, circuit, each), raw_weights(host, circuit, each)) for family, each in bound.items()
    }
    own = filters(host, circuit)

    with folder_written_whole(output, marker="equivariance.json") as folder:
        drawn = on_drawings(host, circuit, sized, stage("drawings", len(DRAWN)), cache)
        natural = on_pictures(host, circuit, pictures, stage("pictures", len(pictures)), cache)
        all_turns = (*turns, SCALE) if sized else turns
        views = {
            "drawings": Evidence(drawn.tables, all_turns, turning=drawn.turning.tables),
            "pictures": Evidence(natural.tables, turns, turning=natural.turning.tables),
            **{name: Evidence(heard.tables, all_turns, raw=raw) for name, (heard, raw) in weights.items()},
            **({"filters": Evidence(own.tables, (*turns, SCALE, HUE))} if own else {}),
        }
        found = equivariance_score(host, circuit, bound, pictures, frames, views, seed, tolerance)
        write_whole(folder / "equivariance.json", equivariance_json(found))
        write_whole(folder / "equivariance.png", png(draw_equivariance(found, circuit, natural)))
    return found
