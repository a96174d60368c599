"""One process that scores pictures and tells its peak memory: `python -m tests.bench.memory FOLDER COUNT DISTINCT THREADS`."""

import json
import resource
import sys
import tempfile
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

import torch

from tests.bench.conditions import by_engine, ready
from workbench.cache import GIB, Cache, known_by
from workbench.hosts.store import load
from workbench.pictures import first_by_content, folder

ROOT = Path(__file__).parents[2]


def main(where: str, count: str, distinct: str, threads: str) -> None:
    torch.set_num_threads(int(threads))
    pictures = first_by_content(folder(where), int(distinct))
    this = ready(load("inceptionv1"), ROOT, pictures, pictures[:16])
    again = [replace(picture, sha256=known_by(i, picture.sha256)) for i, picture in enumerate(islice(cycle(pictures), int(count)))]
    with tempfile.TemporaryDirectory() as kept:
        by_engine(replace(this, pictures=again), Cache(Path(kept), GIB))
    print(json.dumps({"peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
