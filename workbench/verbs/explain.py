"""From a theory to every parameter: as `induct`, but the trained weights themselves are read, and put beside the theory's."""

from collections.abc import Mapping
from pathlib import Path

from workbench.cache import Cache
from workbench.errors import WorkbenchError
from workbench.evaluate.weights import LEAST, between
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.named import cache_of
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.explain_plot import draw_explained
from workbench.score.explain import Explained, explained_json, explained_score
from workbench.verbs.loaded import claims_of, loaded


def explain(
    spec_file: Path,
    circuit_file: Path,
    bound_files: Mapping[str, Path],
    output: Path,
    stage: Stage,
    seed: int = 0,
    cache: Cache | None = None,
) -> Explained:
    """Compare the trained weights between each pair of a theory's families with the theory's, and write explain.json and explain.png to `output`.

    The units are those of `workbench.verbs.induct`; no picture is read. `stage` and `cache` are as of `rebuild`. Raises WorkbenchError, also
    where there is no pair of families with weights between them.
    """
    read = loaded(spec_file, circuit_file, bound_files)
    cache = cache_of(read.host.name, cache)
    with folder_written_whole(output, marker="explain.json") as folder:
        pairs = claims_of(read, stage, seed, cache)
        progress = stage("weights", len(pairs))
        found, left_out = between(read.spec, read.trained, read.host, read.circuit, pairs, read.bound, progress)
        if not found:
            raise WorkbenchError(str(spec_file), *_no_weights(left_out))
        explained = explained_score(
            read.spec, read.trained, read.host, read.bound, found, left_out, seed, stage("permutations", len(found)), cache
        )
        write_whole(folder / "explain.json", explained_json(explained))
        write_whole(folder / "explain.png", png(draw_explained(explained, found)))
    return explained


def _no_weights(left_out: Mapping[str, str]) -> tuple[str, str, str]:
    """What was found where there is nothing to compare, what was expected, and what may help."""
    why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
    return (
        f"no weights between two families of trained units{f' ({why})' if why else ''}",
        f"a family with {LEAST} or more trained units at a site, and one that it reads with as many at the site just before",
        "Name units with --bind FAMILY=FILE. Filters that read the picture itself are no pair: `workbench equivariance` and `score` look at them.",
    )
