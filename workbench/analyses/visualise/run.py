"""Make the picture that activates each unit most, trained and handwritten."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from workbench.analyses.visualise.figures import Visualised, visualised_json, visualised_score
from workbench.analyses.visualise.responses import highest_responses
from workbench.analyses.visualise.table import draw_visualised
from workbench.cache import cache_key
from workbench.code import code_version
from workbench.compiler.plan import layer_keys
from workbench.errors import WorkbenchError
from workbench.files import write_whole
from workbench.matching.subject import SubjectFiles, load_subject, subject_header
from workbench.report.drawing import png
from workbench.result_folder import folder_written_whole
from workbench.score.facts import picture_facts
from workbench.spec import TrainedCircuit, load_circuit
from workbench.splice.slots import Channels
from workbench.vision.pictures import Picture
from workbench.vision.visualise.ascent import STEPS, ascend
from workbench.vision.visualise.canvas import canvas, colour_axes
from workbench.vision.visualise.objectives import handwritten_drive, trained_response
from workbench.work import Work

SHOWN = 4  # units, where none is asked for


@dataclass(frozen=True)
class VisualiseRequest:
    """The request of `visualise`.

    files        the subject
    pictures     photographs whose responses those to the made pictures are compared with
    calibration  pictures that give the colours of photographs
    units        channels of the circuit; without any, SHOWN of them
    steps        steps of the ascent
    """

    files: SubjectFiles
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]
    units: Sequence[int] = ()
    steps: int = STEPS


def visualise(request: VisualiseRequest, output: Path, work: Work) -> Visualised:
    """Make a picture for each unit, trained and handwritten, that activates it most.

    Write them, visualise.json and visualise.png to the folder `output`. Raises WorkbenchError,
    also for a channel that is no unit of the circuit.
    """
    trained, steps = load_circuit(request.files.circuit), request.steps
    chosen = chosen_units(trained, request.units)
    subject = load_subject(request.files)
    host, circuit, site = subject.host, subject.circuit, subject.host.site(trained.site)
    made = canvas(host, site, colour_axes(request.calibration, host, work.seed))
    work = work.on_host(host.name)
    channels = Channels(tuple(trained.units[i].unit for i in chosen))
    trained_key = cache_key(code_version(), host.facts, site.name, channels)
    handwritten_key = cache_key(code_version(), host.input, *layer_keys(circuit), chosen)
    objectives = {
        trained_key: trained_response(host, site, channels),
        handwritten_key: handwritten_drive(host, circuit, chosen),
    }

    with folder_written_whole(output) as folder:
        progress = work.stage("steps", len(objectives) * steps)
        shared = len(chosen), work.seed, steps, progress, work.cache
        windows = torch.cat(
            [ascend(made, objective, *shared, key) for key, objective in objectives.items()]
        ).round()
        progress = work.stage("pictures", len(request.pictures))
        shown = made.picture(windows)
        responses = highest_responses(host, circuit, shown, request.pictures, progress, work.cache)
        header = replace(
            subject_header(subject, images=picture_facts(request.pictures), seed=work.seed),
            bound=None,
        )
        result = visualised_score(header, trained, chosen, responses, made.side_px, steps)
        rgb = list(windows.permute(0, 2, 3, 1).byte().numpy())
        for picture, window in zip(result.made, rgb, strict=True):
            write_whole(folder / picture.file, _png(window))
        write_whole(folder / "visualise.json", visualised_json(result))
        write_whole(folder / "visualise.png", png(draw_visualised(result, rgb)))
    return result


def chosen_units(trained: TrainedCircuit, units: Sequence[int]) -> list[int]:
    """The indices of the channels `units` among the circuit's units.

    Without any, SHOWN units evenly spaced in the order of their poses. Raises WorkbenchError for a
    channel that is no unit.
    """
    channels = list(trained.channels("pictures that excite one channel"))
    if unknown := [unit for unit in units if unit not in channels]:
        raise WorkbenchError(
            "--unit",
            ", ".join(map(str, unknown)),
            f"units of {trained.circuit}: {', '.join(map(str, channels))}",
        )
    if units:
        return [channels.index(unit) for unit in units]
    by_pose = list(trained.by_pose)
    return (
        [by_pose[i * len(by_pose) // SHOWN] for i in range(SHOWN)]
        if len(by_pose) > SHOWN
        else by_pose
    )


def _png(rgb: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "png")
    return buffer.getvalue()
