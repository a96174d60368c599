"""From a theory to pictures of its features: as `rebuild`, but it is the pictures that are made."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.painted import canvas, colour_axes
from workbench.evaluate.visualise import STEPS, answers, of_handwritten, of_trained, visualise
from workbench.files import folder_written_whole, write_whole
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
) -> Visualised:
    """Make a picture for each of `units`, channels of the circuit (SHOWN of them if none are named), trained and handwritten; write them,
    visualise.json and visualise.png to `output`.

    `calibration` pictures give the colours of photographs, `pictures` the activation to compare with. `stage` is as of `rebuild`. Raises
    WorkbenchError, also for a channel that is no unit of the circuit.
    """
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    chosen = chosen_units(trained, units)
    host = load(trained.host)
    circuit, site = compile_spec(spec, trained, host), host.site(trained.site)
    made = canvas(host, site, colour_axes(calibration, host, seed))
    of_one = [of_trained(host, site, [trained.units[i].unit for i in chosen]), of_handwritten(host, circuit, chosen)]

    with folder_written_whole(output, marker="visualise.json") as folder:
        progress = stage("steps", len(of_one) * steps)
        windows = torch.cat([visualise(made, objective, len(chosen), seed, steps, progress) for objective in of_one]).round()
        said = answers(host, circuit, made.picture(windows), pictures, stage("pictures", len(pictures)))
        found = visualised_score(host, spec, trained, chosen, said, pictures, made.side_px, steps, seed)
        rgb = list(windows.permute(0, 2, 3, 1).byte().numpy())
        for each, window in zip(found.made, rgb, strict=True):
            write_whole(folder / each.file, _png(window))
        write_whole(folder / "visualise.json", visualised_json(found))
        write_whole(folder / "visualise.png", png(draw_visualised(found, rgb)))
    return found


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
