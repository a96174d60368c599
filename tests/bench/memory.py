"""Score drawn pictures in a process of its own and print its peak memory.

Usage: `python -m tests.bench.memory HOST COUNT THREADS`
"""

import json
import resource
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from tests.bench.conditions import by_engine, ready
from tests.bench.pictures import CALIBRATION
from workbench.cache import GIB, Cache, cache_key
from workbench.hosts.store import load
from workbench.vision.pictures import Picture
from workbench.vision.pictures.drawn import SHAPES, draw

ROOT = Path(__file__).parents[2]
SEED = 0


def main(host: str, count: str, threads: str) -> None:
    torch.set_num_threads(int(threads))
    pictures = [pictured(i) for i in range(CALIBRATION + int(count))]
    this = ready(load(host), ROOT, pictures[:1], pictures[:CALIBRATION])
    with tempfile.TemporaryDirectory() as kept:
        by_engine(replace(this, pictures=pictures[CALIBRATION:]), Cache(Path(kept), GIB))
    print(json.dumps({"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def pictured(i: int) -> Picture:
    """A picture as in `drawn`, without drawing it once more for a hash of its pixels."""
    shape = SHAPES[i % len(SHAPES)]
    return Picture(f"{shape}-{i}", cache_key(shape, SEED, i), None, partial(draw, shape, SEED, i))


if __name__ == "__main__":
    main(*sys.argv[1:])
