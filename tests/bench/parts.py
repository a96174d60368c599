"""The parts that are timed alone.

They are compiling, the circuit and the trained layers that it replaces, memory, start-up and the
bootstrap.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tests.bench.conditions import Ready, curves
from workbench.compiler.respond import drives
from workbench.errors import WorkbenchError
from workbench.evaluate.batches import BATCH
from workbench.hosts import Host
from workbench.score import uncertainty
from workbench.score.uncertainty import bootstrap
from workbench.vision.pictures import batch

RESAMPLED = 500  # pictures


def compiling(host: Host, root: Path) -> dict[str, Callable]:
    return {"compile": lambda: curves(host, root)}


def forward_parts(this: Ready) -> dict[str, Callable]:
    """The parts of a forward pass, on one batch of the engine's size.

    They are the trained prefix up to the site, the channel-wise operations after it, the
    handwritten circuit, and the suffix after those operations.
    """
    host, site = this.host, this.splices.site
    x = batch(this.pictures[:BATCH], host.input)
    rgb = host.input.decode(x)

    def prefix():
        with torch.inference_mode():
            return host.activations(x, site)[site]

    def handwritten():
        with torch.inference_mode():
            return drives(this.splices.circuits, rgb, host.input.mean_rgb)

    activation = prefix()

    def push():
        with torch.inference_mode():
            return host.push(site, activation)

    pushed = push()

    def suffix():
        with torch.inference_mode():
            return host.resume(x, site, pushed, pushed=True)

    steps = {"prefix": prefix, "push": push, "circuit": handwritten, "suffix": suffix}
    return (
        steps
        | {"decoding": lambda: batch(this.pictures[:BATCH], host.input)}
        | _where_the_prefix_goes(this, x)
    )


def _where_the_prefix_goes(this: Ready, x: Tensor) -> dict[str, Callable]:
    """The prefix with torch's layers, and the convolutions alone of the prefix with ours.

    The convolutions include bias and rectifier, and have the inputs that they have in the prefix.
    """
    until = this.splices.site
    stages = list(this.network.named_children())
    theirs = nn.Sequential(
        *(
            stage
            for _, stage in stages[
                : 1 + [name for name, _ in stages].index(this.host.site(until).module)
            ]
        )
    )
    read: list[tuple[nn.Module, Tensor]] = []
    hooks = [
        module.register_forward_pre_hook(
            lambda module, inputs: read.append(
                (module, inputs[0].clone(memory_format=torch.preserve_format))
            )
        )
        for module in this.host.network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    with torch.inference_mode():
        this.host.activations(x, until)
    for hook in hooks:
        hook.remove()

    def plainly():
        with torch.inference_mode():
            theirs(x)

    def convolutions():
        with torch.inference_mode():
            for module, activation in read:
                module(activation)

    return {"prefix, torch's layers": plainly, "prefix, convolutions": convolutions}


def resampling() -> dict[str, Callable]:
    """Recovered KL with 10,000 resamples of 500 pictures.

    The resamples are drawn as for a scorecard's first figure, or known as for all others.
    """
    generator = np.random.default_rng(0)
    rows = {name: generator.random(RESAMPLED) for name in ("lost", "kept")}

    def later():
        return bootstrap(rows, lambda means: 1 - means["kept"] / means["lost"])

    def first():
        for kept in (uncertainty._draws, uncertainty._kept_weights):
            kept.cache_clear()
        return later()

    return {"bootstrap": first, "bootstrap, later figures": later}


def start_up() -> dict[str, Callable]:
    """`workbench --help`, in a process of its own."""
    return {
        "help": lambda: subprocess.run(
            [sys.executable, "-m", "workbench", "--help"], check=True, capture_output=True
        )
    }


def peak_mib(host: str, count: int) -> float:
    """Peak memory of a process that scores so many different drawn pictures."""
    words = ("tests.bench.memory", host, str(count), str(torch.get_num_threads()))
    try:
        result = subprocess.run(
            [sys.executable, "-m", *words], check=True, stdout=subprocess.PIPE, text=True
        )
    except subprocess.CalledProcessError as error:
        raise WorkbenchError(
            f"memory of {count} drawn pictures",
            f"the process that scores them ended with {error.returncode}",
            remedy="Leave it out with --memory 0.",
        ) from error
    return json.loads(result.stdout)["peak_mib"]
