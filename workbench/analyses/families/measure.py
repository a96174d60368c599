"""Compare trained units with the family units that they match, and with wrong ones, on pictures."""

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from workbench.arrays import to_numpy
from workbench.cache import Kept, cache_key
from workbench.code import code_version
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.compiler.families import families
from workbench.compiler.file import to_bytes
from workbench.compiler.respond import cells_of
from workbench.evaluate.batches import BATCH, Streaming, streamed
from workbench.evaluate.statistics import unit_moments
from workbench.hosts.host import Host
from workbench.matching.matched import Matched, on_one_grid
from workbench.vision.pictures import Picture
from workbench.work import Work

ENTRIES = "families"  # the kind of cache entries


def compare(
    host: Host,
    circuit: HandwrittenCircuit,
    pairs: Sequence[Matched],
    pictures: Sequence[Picture],
    work: Work = Work(),  # noqa: B008 (frozen)
    size: int = BATCH,
) -> list[dict[str, Float[np.ndarray, "group unit 6"]]]:
    """MOMENTS of family units against the trained units that they match, for each of `pairs`.

    "matched" are each unit's own family units, "permuted" wrong ones. Sums over the cells of the
    coarser of the two grids, a row a picture, or a group of many (`evaluate.groups`). With a cache,
    batches that an earlier run finished are read back.
    """
    content = hashlib.sha256(to_bytes(circuit)).hexdigest()
    key = cache_key(code_version(), host.facts, content, *(pair.facts for pair in pairs))
    how = Streaming(
        kept=Kept(work.cache, ENTRIES, key),
        progress=work.stage("compare on pictures", len(pictures)),
        size=size,
        summed=lambda quantity: True,
    )
    rows = streamed(pictures, lambda batch: _rows(host, circuit, pairs, batch), how)
    return [
        {kind: rows[f"{i}/{kind}"] for kind in ("matched", "permuted")} for i in range(len(pairs))
    ]


def _rows(
    host: Host, circuit: HandwrittenCircuit, pairs: Sequence[Matched], pictures: Sequence[Picture]
) -> dict[str, Float[np.ndarray, "picture unit 6"]]:
    x = host.input.batch(pictures)
    trained = host.activations(x, *{pair.site for pair in pairs})
    handwritten = families(circuit, host.input.decode(x), host.picture_input.mean_rgb)
    rows = {}
    for i, pair in enumerate(pairs):
        units = trained[pair.site][:, list(pair.units)], cells_of(host.site(pair.site))
        response, cells = handwritten[pair.family]
        for kind, poses in (("matched", pair.poses), ("permuted", pair.wrong)):
            value, truth = on_one_grid((response[:, list(poses)], cells), units)
            rows[f"{i}/{kind}"] = to_numpy(unit_moments(value, truth))
    return rows
