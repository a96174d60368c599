"""From a theory to pictures of its features: as `rebuild`, but it is the pictures that are made."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from workbench.cache import Cache, known_by
from workbench.code import computed_by
from workbench.compiler import compile_spec
from workbench.compiler.plan import layer_keys
from workbench.errors import WorkbenchError
from workbench.evaluate.painted import canvas, colour_axes
from workbench.evaluate.visualise import STEPS, answers, of_handwritten, of_trained, visualise
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.named import cache_of
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.visualise import draw_visualised
from workbench.score.visualise import Visualised, visualised_json, visualised_score
from workbench.spec import TrainedCircuit, load_circuit, load_theory

SHOWN = 4


def visualised(
    spec_file: Path,
    circuit_file: Path,
    units: Sequence[int],
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    steps: int = STEPS,
    cache: Cache | None = None,
) -> Visualised:
    """Make a picture for each of `units`, channels of the circuit (SHOWN of them if none are named), trained and handwritten; write them,
    visualise.json and visualise.png to `output`.

    `calibration` pictures give the colours of photographs, `pictures` the activation to compare with. `stage` and `cache` are as of `rebuild`.
    Raises WorkbenchError, also for a channel that is no unit of the circuit.
    """
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    chosen = chosen_units(trained, units)
    host = load(trained.host)
    circuit, site = compile_spec(spec, trained, host), host.site(trained.site)
    made, cache = canvas(host, site, colour_axes(calibration, host, seed)), cache_of(host.name, cache)
    channels = [trained.units[i].unit for i in chosen]
    by_hand = known_by(computed_by(), host.input, *layer_keys(circuit), chosen)
    of_one = {
        known_by(computed_by(), host.facts, site.name, channels): of_trained(host, site, channels),
        by_hand: of_handwritten(host, circuit, chosen),
    }

    with folder_written_whole(output, marker="visualise.json") as folder:
        progress = stage("steps", len(of_one) * steps)
        found = [visualise(made, objective, len(chosen), seed, steps, progress, cache, key) for key, objective in of_one.items()]
        windows = torch.cat(found).round()
        said = answers(host, circuit, made.picture(windows), pictures, stage("pictures", len(pictures)), cache)
        score = visualised_score(host, spec, trained, chosen, said, pictures, made.side_px, steps, seed)
        rgb = list(windows.permute(0, 2, 3, 1).byte().numpy())
        for each, window in zip(score.made, rgb, strict=True):
            write_whole(folder / each.file, _png(window))
        write_whole(folder / "visualise.json", visualised_json(score))
        write_whole(folder / "visualise.png", png(draw_visualised(score, rgb)))
    return score


def chosen_units(trained: TrainedCircuit, units: Sequence[int]) -> list[int]:
    """The indices of channels; of none, SHOWN of the circuit's units evenly in the order of their poses. Raises WorkbenchError for others."""
    channels = [unit.unit for unit in trained.units]
    if unknown := [unit for unit in units if unit not in channels]:
        raise WorkbenchError("--unit", ", ".join(map(str, unknown)), f"units of {trained.circuit}: {', '.join(map(str, channels))}")
    if units:
        return [channels.index(unit) for unit in units]
    by_pose = sorted(range(len(channels)), key=lambda i: trained.units[i].centre_deg)
    return [by_pose[i * len(by_pose) // SHOWN] for i in range(SHOWN)] if len(by_pose) > SHOWN else by_pose


def _png(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "png")
    return buffer.getvalue()
