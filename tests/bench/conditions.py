"""Seven conditions on the same pictures, by several ways to compute them.

They are whole forward passes, as in other libraries, and this engine, without a cache and after an
edit.
"""

import copy
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from tests.bench.libraries import Forward, Way, installed
from tests.bench.plain import plain
from workbench.cache import GIB, Cache
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.compiler.respond import drives
from workbench.evaluate.batches import BATCH, donor_of
from workbench.evaluate.calibration import stream_inputs
from workbench.evaluate.run import evaluate
from workbench.hosts import Host
from workbench.hosts.precision import bfloat16_after
from workbench.spec import load_circuit, load_theory, theory_from_text
from workbench.splice.calibrate import Splices, calibrate, with_random_readout
from workbench.splice.inputs import ConditionInputs
from workbench.splice.natural import sites_before
from workbench.vision.pictures import Picture, batch
from workbench.work import Work

EDITED = re.compile(r"(  line:.*?threshold: \{tune: )([-\d.]+)", re.DOTALL)
ABLATIONS = ("ablated.zero", "ablated.mean", "ablated.resample")
WHOLE = (
    "natural",
    *ABLATIONS,
    "spliced",
    "control.permuted",
    "control.flipped",
)  # three of them depend on the spec
QUICK = (
    "natural",
    *ABLATIONS,
    "spliced",
    "baseline.affine",
    "baseline.regression",
)  # those of `score --quick`: one depends on the spec


@dataclass(frozen=True)
class Ready:
    """A host, its plain twin, the pictures, and seven conditions, calibrated."""

    host: Host
    network: nn.Module
    pictures: Sequence[Picture]
    calibration: Sequence[Picture]
    splices: Splices


def ready(
    host: Host,
    root: Path,
    pictures: Sequence[Picture],
    calibration: Sequence[Picture],
    seven: Sequence[str] = WHOLE,
) -> Ready:
    return Ready(
        host,
        plain(host),
        pictures,
        calibration,
        calibrated(host, curves(host, root), calibration, seven),
    )


def calibrated(
    host: Host,
    circuit: HandwrittenCircuit,
    pictures: Sequence[Picture],
    seven: Sequence[str],
    cache: Cache | None = None,
) -> Splices:
    circuits = (
        {"spliced": circuit}
        if seven == QUICK
        else {"spliced": circuit, "random": with_random_readout(circuit, 0)}
    )
    splices = calibrate(circuits, stream_inputs(host, circuits, pictures, Work(cache=cache)))
    return replace(
        splices,
        circuits={"spliced": circuit},
        conditions={name: splices.conditions[name] for name in seven},
    )


def curves(host: Host, root: Path, edits: int = 0) -> HandwrittenCircuit:
    """The circuit of the published spec, or of the spec with an edited threshold of its lines."""
    spec, trained = (
        root / "specs" / "curve-detectors.yaml",
        load_circuit(root / "circuits" / host.name / "curve.yaml"),
    )
    if not edits:
        return compile_spec(load_theory(spec), trained, host)
    text = EDITED.sub(
        lambda match: f"{match[1]}{float(match[2]) + 1e-3 * edits:.6f}", spec.read_text(), count=1
    )
    return compile_spec(theory_from_text(text, spec.name, spec.parent), trained, host)


def by_forward_passes(this: Ready, network: nn.Module, forward: Forward) -> dict[str, list[float]]:
    """KL of each condition.

    The handwritten circuit runs once a batch, as in the engine; then each condition takes one whole
    pass. The activations that regressions read are taken from the natural pass.
    """
    kls: dict[str, list[float]] = {name: [] for name in this.splices.conditions}
    for start in range(0, len(this.pictures), BATCH):
        pictures = this.pictures[start : start + BATCH]
        with torch.inference_mode():
            x = batch(pictures, this.host.input)
            before, natural = _naturally(this, network, x)
            inputs = _inputs(this, pictures, x, before)
            for name, condition in this.splices.conditions.items():
                logits = natural if name == "natural" else forward(x, condition(inputs))
                kls[name] += this.host.output.statistics(
                    natural, logits, torch.full((len(x),), -1)
                )["kl"].tolist()
    return kls


def _naturally(this: Ready, network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """The site before the splice, which has the same cells, and the logits."""
    (name,), caught = sites_before(this.host, this.splices.site), []
    handle = network.get_submodule(this.host.site(name).module).register_forward_hook(
        lambda _, inputs, output: caught.append(output)
    )
    try:
        logits = network(x)
    finally:
        handle.remove()
    return caught[0], logits


def _inputs(this: Ready, pictures: Sequence[Picture], x: Tensor, before: Tensor) -> ConditionInputs:
    """The inputs of the conditions: all but `natural` read only the shape of the trained units."""
    site, input = this.host.site(this.splices.site), this.host.input
    return ConditionInputs(
        site_name=this.splices.site,
        slots=this.splices.slots,
        trained=torch.zeros(len(x), len(this.splices.units), site.height, site.width),
        drives=drives(this.splices.circuits, input.decode(x), input.mean_rgb),
        donor=donor_of(pictures, this.splices.donors),
        before=before,
    )


def by_engine(this: Ready, cache: Cache | None = None) -> dict[str, list[float]]:
    rows = evaluate(this.host, [this.splices], this.pictures, Work(cache=cache)).rows
    return {name: rows[name]["kl"].tolist() for name in this.splices.conditions}


class Cold:
    """The engine with an empty cache, which is filled on the way.

    Each call has a cache of its own. Those of earlier calls are removed before the clock starts.
    """

    def __init__(self, this: Ready, folder: Path):
        self.this, self.folder, self.calls = this, folder, 0

    def prepare(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def __call__(self) -> dict[str, list[float]]:
        self.calls += 1
        return by_engine(self.this, Cache(self.folder / str(self.calls), GIB))


class Edited:
    """From an edit of the spec to the KLs, with the cache of earlier runs: a new edit in each call.

    It takes compiling, calibration and the conditions.
    """

    def __init__(self, this: Ready, root: Path, folder: Path):
        self.root, self.cache, self.edits = root, Cache(folder, GIB), 0
        self.seven = tuple(this.splices.conditions)
        self.now = replace(
            this,
            splices=calibrated(
                this.host,
                this.splices.circuits["spliced"],
                this.calibration,
                self.seven,
                self.cache,
            ),
        )
        by_engine(self.now, self.cache)

    def edit(self) -> None:
        self.edits += 1
        circuit = curves(self.now.host, self.root, self.edits)
        self.now = replace(
            self.now,
            splices=calibrated(
                self.now.host, circuit, self.now.calibration, self.seven, self.cache
            ),
        )

    def __call__(self) -> dict[str, list[float]]:
        self.edit()
        return by_engine(self.now, self.cache)


class Warm(Edited):
    """The same, with the edited spec compiled and calibrated before the clock starts.

    So the seven conditions alone are timed, as for the other ways.
    """

    def prepare(self) -> None:
        self.edit()

    def __call__(self) -> dict[str, list[float]]:
        return by_engine(self.now, self.cache)


def wrapped(this: Ready, network: nn.Module, way: Way) -> Callable[[], dict[str, list[float]]]:
    """One of the other ways, with its wrapper made once."""
    return partial(
        by_forward_passes,
        this,
        network,
        way(network, this.host.site(this.splices.site).module, this.splices.units),
    )


def tasks(this: Ready, root: Path, folder: Path) -> tuple[dict[str, Callable], dict[str, Edited]]:
    """The functions to time, by name: on the spec as it is, and after edits of it.

    "own layers" are the workbench's; the other networks have torch's layers.
    """
    ways, _ = installed()
    timed = {name: wrapped(this, copy.deepcopy(this.network), way) for name, way in ways.items()}
    timed["hooks, own layers"] = wrapped(this, this.host.network, ways["hooks"])
    timed["engine cold"] = Cold(this, folder / "cold")
    after = {
        "engine warm, spec edited": Warm(this, root, folder / "warm"),
        "from the edit to the KLs": Edited(this, root, folder / "edit"),
    }
    return timed, after


def in_bfloat16(this: Ready, root: Path, folder: Path) -> dict[str, Callable]:
    """The engine with the layers after the site in bfloat16, cold and after an edit."""
    low = replace(this, host=bfloat16_after(this.host, this.splices.site))
    return {
        "engine cold, bfloat16": Cold(low, folder / "cold-bfloat16"),
        "engine warm, spec edited, bfloat16": Warm(low, root, folder / "bfloat16"),
    }
