"""Networks that `workbench hosts make` trains on this machine, and the names of their checkpoints.

induction@final           the end of the training of seed 0
induction@step:900        the same after 900 steps
induction@seed:3@final    another seed

A checkpoint's file is checked by the SHA-256 that the training wrote beside it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from workbench.arrays import to_numpy
from workbench.cache import cache_key
from workbench.errors import WorkbenchError, nearest
from workbench.files import cache_folder, sha256, write_whole
from workbench.hosts import (
    train_induction,
    train_modular_addition,
    train_modular_subtraction,
)
from workbench.hosts.host import Host
from workbench.hosts.training import Training, trained
from workbench.hosts.transformer_host import transformer_host
from workbench.progress import Stage, no_stage

TRAININGS: Mapping[str, Training] = {
    module.TRAINING.name: module.TRAINING
    for module in (train_induction, train_modular_addition, train_modular_subtraction)
}
FINAL, RECORD = "final", "training.json"
MADE = re.compile(r"(?P<name>[\w-]+)(@seed:(?P<seed>\d{1,19}))?@(final|step:(?P<step>\d{1,19}))")
WHOLE_NAME = "induction@final, induction@step:900 or induction@seed:1@final"


@dataclass(frozen=True)
class MadeNetwork:
    """A checkpoint of a network that was trained here; fields as in `Checkpoint`."""

    name: str
    step: int
    file: str
    sha256: str
    loss: float
    accuracy: float


def is_made(name: str) -> bool:
    """Whether the name is of a checkpoint of a network that is trained here."""
    return MADE.fullmatch(name) is not None


def made_name(name: str, seed: int, step: int | str) -> str:
    """The name of a checkpoint as a host."""
    checkpoint = FINAL if step == FINAL else f"step:{step}"
    return f"{name}@{checkpoint}" if seed == 0 else f"{name}@seed:{seed}@{checkpoint}"


def training_of(name: str) -> Training:
    """The training of that name; raises WorkbenchError with the near miss."""
    if name not in TRAININGS:
        raise WorkbenchError("hosts make", f"no training {name!r}", remedy=nearest(name, TRAININGS))
    return TRAININGS[name]


def folder_of(name: str, seed: int) -> Path:
    """The folder of a training's checkpoints, whether it exists or not."""
    return cache_folder() / "hosts" / "made" / f"{name}-seed-{seed}"


def make(name: str, seed: int = 0, stage: Stage = no_stage) -> list[MadeNetwork]:
    """Train the network and keep its checkpoints; those that are there and intact are kept.

    Their record is written last, so an interrupted training leaves no network. Raises
    WorkbenchError for an unknown name and for a folder that cannot be written.
    """
    training, folder = training_of(name), folder_of(name, seed)
    if is_intact(name, seed):
        return checkpoints(name, seed)
    progress = stage(f"train {name}", training.steps)
    rows = []
    for checkpoint in trained(training, seed, progress):
        file = f"step-{checkpoint.step:06d}.safetensors"
        write_whole(folder / file, safetensors.torch.save(checkpoint.weights))
        rows.append(
            {
                "name": made_name(name, seed, checkpoint.step),
                "step": checkpoint.step,
                "file": file,
                "sha256": sha256(folder / file),
                "loss": checkpoint.loss,
                "accuracy": checkpoint.accuracy,
            }
        )
    record = {"training": _key(training), "torch": str(torch.__version__), "checkpoints": rows}
    write_whole(folder / RECORD, json.dumps(record, indent=1))
    return checkpoints(name, seed)


def checkpoints(name: str, seed: int) -> list[MadeNetwork]:
    """The checkpoints of a training, in their order; none where it did not run here."""
    return [MadeNetwork(**row) for row in _record(name, seed).get("checkpoints", ())]


def is_intact(name: str, seed: int) -> bool:
    """Whether the training ran here, as it is now, and every checkpoint is unaltered."""
    record, folder = _record(name, seed), folder_of(name, seed)
    return record.get("training") == _key(training_of(name)) and all(
        (folder / row["file"]).is_file() and sha256(folder / row["file"]) == row["sha256"]
        for row in record["checkpoints"]
    )


def made() -> list[str]:
    """The names, as hosts, of the last checkpoint of every training that ran here."""
    names = []
    for folder in sorted((cache_folder() / "hosts" / "made").glob("*-seed-*")):
        name, _, seed = folder.name.rpartition("-seed-")
        if name in TRAININGS and seed.isdecimal() and is_intact(name, int(seed)):
            names.append(made_name(name, int(seed), FINAL))
    return names


def load_made(name: str) -> Host:
    """The host of that checkpoint; the same object within one process.

    Raises WorkbenchError if the network was not trained here, has no such step, or was altered.
    """
    parts = MADE.fullmatch(name)
    if parts is None:
        raise WorkbenchError(f"host {name}", "names no checkpoint", WHOLE_NAME)
    training, seed = training_of(parts["name"]), int(parts["seed"] or 0)
    row = _checkpoint(name, training, seed, parts["step"])
    path = folder_of(training.name, seed) / row.file
    if not path.is_file() or sha256(path) != row.sha256:
        raise WorkbenchError(
            str(path), "is missing or altered", row.sha256, _remedy(training.name, seed)
        )
    return _load(name, training.name, seed, row, path)


def _checkpoint(name: str, training: Training, seed: int, step: str | None) -> MadeNetwork:
    rows = checkpoints(training.name, seed)
    remedy = _remedy(training.name, seed)
    if not rows:
        raise WorkbenchError(f"host {name}", "was not trained on this machine", remedy=remedy)
    if _record(training.name, seed)["training"] != _key(training):
        problem = "was trained by another version of the workbench"
        raise WorkbenchError(f"host {name}", problem, remedy=remedy)
    wanted = training.steps if step is None else int(step)
    steps = {row.step: row for row in rows}
    if wanted not in steps:
        raise WorkbenchError(
            f"host {name}",
            f"no checkpoint after {wanted} steps",
            f"one of {', '.join(map(str, steps))}",
        )
    return steps[wanted]


@lru_cache(maxsize=32)
def _load(name: str, training: str, seed: int, row: MadeNetwork, path: Path) -> Host:
    how = TRAININGS[training]
    source = f"workbench hosts make {training} --seed {seed}, step {row.step} of {how.steps}"
    weights = safetensors.torch.load(path.read_bytes())
    return transformer_host(name, how.shape, weights, how.length, source)


def _record(name: str, seed: int) -> dict[str, Any]:
    """The record that the training wrote when it ended; empty where it did not run here."""
    file = folder_of(name, seed) / RECORD
    if not file.is_file():
        return {}
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WorkbenchError(
            str(file), f"cannot be read ({error})", remedy=_remedy(name, seed)
        ) from error


@lru_cache(maxsize=8)
def _key(training: Training) -> str:
    """Everything that the trained weights depend on but the seed and the machine.

    The prompts are known by those of the first step and those held out.
    """
    prompts = (training.batch(0, torch.Generator().manual_seed(0)), training.held_out(0))
    contents = [
        hashlib.sha256(to_numpy(tensor.contiguous()).data).hexdigest()
        for batch in prompts
        for tensor in (batch.tokens, batch.target, batch.weight)
    ]
    facts = (training.shape, training.length, training.rate, training.decay)
    return cache_key(*facts, training.checkpoints, training.output_scale, *contents)


def _remedy(name: str, seed: int) -> str:
    again = f" --seed {seed}" if seed else ""
    return f"Run `workbench hosts make {name}{again}`: it takes about a minute."
