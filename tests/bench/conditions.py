"""Seven conditions on the same pictures: by whole forward passes, as other libraries do, and by this engine, cold and after an edit."""

import copy
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.bench.libraries import Forward, installed
from tests.bench.plain import plain
from workbench.cache import GIB, Cache
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.compiler.respond import drives
from workbench.evaluate.run import BATCH, donor_of, evaluate, scenes
from workbench.evaluate.statistics import class_statistics
from workbench.hosts import Host
from workbench.pictures import Picture, batch
from workbench.spec import load_circuit, load_theory
from workbench.splice.calibrate import Splices, calibrate, with_random_readout

CONDITIONS = (
    "natural",
    "ablated.zero",
    "ablated.mean",
    "ablated.resample",
    "spliced",
    "control.permuted",
    "control.flipped",
)


@dataclass(frozen=True)
class Ready:
    """A host, its plain twin, the pictures, and the seven conditions, calibrated."""

    host: Host
    network: nn.Module
    pictures: Sequence[Picture]
    splices: Splices


def ready(host: Host, root: Path, pictures: Sequence[Picture], calibration: Sequence[Picture]) -> Ready:
    circuit = curves(host, root)
    circuits = {"spliced": circuit, "random": with_random_readout(circuit, 0)}
    whole = calibrate(circuits, scenes(host, circuits, calibration))
    seven = {name: whole.conditions[name] for name in CONDITIONS}
    return Ready(host, plain(host), pictures, replace(whole, circuits={"spliced": circuit}, conditions=seven))


def curves(host: Host, root: Path) -> HandwrittenCircuit:
    trained = load_circuit(root / "circuits" / host.name / "curve.yaml")
    return compile_spec(load_theory(root / "specs" / "curve-detectors.yaml"), trained, host)


def by_forward_passes(this: Ready, network: nn.Module, forward: Forward) -> dict[str, list[float]]:
    """KL of each condition. The handwritten circuit runs once a batch, as the engine runs it; then each condition takes one whole pass."""
    found: dict[str, list[float]] = {name: [] for name in CONDITIONS}
    module = this.host.site(this.splices.site).module
    for start in range(0, len(this.pictures), BATCH):
        some = this.pictures[start : start + BATCH]
        with torch.inference_mode():
            x = batch(some, this.host.input)
            here, natural = _said(this, some, x), network(x)
            for name in CONDITIONS:
                is_natural = name == "natural"
                logits = natural if is_natural else forward(network, x, module, this.splices.units, this.splices.conditions[name](here))
                found[name] += class_statistics(natural, logits, torch.full((len(x),), -1))["kl"].tolist()
    return found


def _said(this: Ready, pictures: Sequence[Picture], x: Tensor) -> Any:
    """What a condition looks at, without a run of the host: no condition but `natural` needs the trained activation, only its shape."""
    site, input = this.host.site(this.splices.site), this.host.input
    said = drives(this.splices.circuits, input.decode(x), input.mean_rgb)
    silent = torch.zeros(len(x), len(this.splices.units), site.height, site.width)
    return SimpleNamespace(trained=silent, drives=said, donor=donor_of(pictures, this.splices.donors))


def by_engine(this: Ready, cache: Cache | None = None) -> dict[str, list[float]]:
    rows = evaluate(this.host, [this.splices], this.pictures, cache=cache).rows
    return {name: rows[name]["kl"].tolist() for name in CONDITIONS}


def cold(this: Ready) -> dict[str, list[float]]:
    """With an empty cache, which is filled on the way."""
    with tempfile.TemporaryDirectory() as folder:
        return by_engine(this, Cache(Path(folder), GIB))


def edited(this: Ready, share: float) -> Ready:
    """After an edit of the spec: other weights of the theory's last family, everything that depends on them another condition."""
    circuit = this.splices.circuits["spliced"]
    last = circuit.layers[-1]
    reads = tuple(replace(read, weight=read.weight * (1 + share)) for read in last.reads)
    changed = replace(circuit, layers=(*circuit.layers[:-1], replace(last, reads=reads)))
    return replace(this, splices=replace(this.splices, circuits={"spliced": changed}))


class Warm:
    """The engine after an edit, a new one on each call, with what earlier runs kept."""

    def __init__(self, this: Ready, folder: Path, names: Sequence[str] = CONDITIONS):
        self.splices = replace(this.splices, conditions={name: this.splices.conditions[name] for name in names})
        self.this, self.cache, self.edits = replace(this, splices=self.splices), Cache(folder, GIB), 0
        evaluate(this.host, [self.splices], this.pictures, cache=self.cache)

    def __call__(self) -> None:
        self.edits += 1
        now = edited(self.this, 1e-3 * self.edits)
        evaluate(now.host, [now.splices], now.pictures, cache=self.cache)


def tasks(this: Ready, folder: Path) -> tuple[dict[str, Callable], dict[str, str]]:
    """What to time, by name, and what was left out and why. `own layers` are the workbench's; the other networks have torch's own."""
    ways, absent = installed()
    timed: dict[str, Callable] = {name: partial(by_forward_passes, this, copy.deepcopy(this.network), way) for name, way in ways.items()}
    timed["hooks, own layers"] = partial(by_forward_passes, this, this.host.network, ways["hooks"])
    timed["engine cold"] = partial(cold, this)
    timed["engine warm, spec edited"] = Warm(this, folder / "all")
    timed["engine warm, spec edited, without the controls"] = Warm(this, folder / "alone", CONDITIONS[:5])
    return timed, absent
