"""The parts: compiling, the circuit against the trained layers it replaces, what the engine adds to its parts, memory, start-up, the bootstrap."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tests.bench.conditions import Ready, curves
from workbench.compiler.respond import drives
from workbench.evaluate.run import BATCH
from workbench.hosts import Host
from workbench.pictures import batch
from workbench.score import uncertainty
from workbench.score.uncertainty import bootstrap

RESAMPLED = 500  # pictures


def compiling(host: Host, root: Path) -> dict[str, Callable]:
    return {"compile": lambda: curves(host, root)}


def forward_parts(this: Ready) -> dict[str, Callable]:
    """On one batch of the engine's size: the trained prefix up to the site, what acts channel by channel behind it, the handwritten circuit, and
    the suffix behind that place."""
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

    own = {"prefix": prefix, "push": push, "circuit": handwritten, "suffix": suffix}
    return own | {"decoding": lambda: batch(this.pictures[:BATCH], host.input)} | _where_the_prefix_goes(this, x)


def _where_the_prefix_goes(this: Ready, x: Tensor) -> dict[str, Callable]:
    """The prefix of torch's own layers; and of ours, the convolutions alone (with bias and rectifier), each on what it reads there."""
    until = this.splices.site
    stages = list(this.network.named_children())
    theirs = nn.Sequential(*(stage for _, stage in stages[: 1 + [name for name, _ in stages].index(this.host.site(until).module)]))
    read: list[tuple[nn.Module, Tensor]] = []
    hooks = [
        module.register_forward_pre_hook(lambda module, said: read.append((module, said[0].clone(memory_format=torch.preserve_format))))
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
            for module, said in read:
                module(said)

    return {"prefix, torch's layers": plainly, "prefix, convolutions": convolutions}


def resampling() -> dict[str, Callable]:
    """10,000 resamples of 500 pictures: recovered KL, two rows; drawn anew, as for a scorecard's first figure, and as for every later one."""
    generator = np.random.default_rng(0)
    rows = {name: generator.random(RESAMPLED) for name in ("lost", "kept")}

    def later():
        return bootstrap(rows, lambda means: 1 - means["kept"] / means["lost"])

    def first():
        uncertainty._draws.cache_clear()
        return later()

    return {"bootstrap": first, "bootstrap, later figures": later}


def start_up() -> dict[str, Callable]:
    """`workbench --help`, in a process of its own."""
    return {"help": lambda: subprocess.run([sys.executable, "-m", "workbench", "--help"], check=True, capture_output=True)}


def peak_mib(counts: Sequence[int]) -> dict[str, float]:
    """Peak memory of a process that scores so many drawn pictures, each of them another."""
    return {str(count): _peak_mib(count) for count in counts}


def _peak_mib(count: int) -> float:
    command = [sys.executable, "-m", "tests.bench.memory", str(count), str(torch.get_num_threads())]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["peak_mib"]
