"""From a theory to its layers: as `rebuild`, but nothing is spliced; each family is compared with the trained units that it accounts for."""

from collections.abc import Sequence
from pathlib import Path

from workbench.cache import Cache
from workbench.compiler import compile_spec
from workbench.errors import WorkbenchError
from workbench.evaluate.apart import keep_apart
from workbench.evaluate.journal import layers_journal
from workbench.evaluate.layers import beside, matched
from workbench.evaluate.matching import nearest
from workbench.files import folder_written_whole, write_whole
from workbench.hosts.store import load
from workbench.pictures import Picture
from workbench.rebuild import Stage
from workbench.report.drawings import png
from workbench.report.layers_plot import draw_layers
from workbench.score.frontier import sites_up_to
from workbench.score.layers import Layers, layers_json, layers_score
from workbench.spec import load_circuit, load_theory
from workbench.survey.probes import answers, group_count


def layers(
    spec_file: Path,
    circuit_file: Path,
    pictures: Sequence[Picture],
    output: Path,
    stage: Stage,
    seed: int = 0,
    cache: Cache | None = None,
) -> Layers:
    """Match the families of a theory with trained units by behaviour on drawn stimuli, compare both on `pictures`, and write layers.json and
    layers.png to `output`.

    The sites are the host's up to the trained circuit's. `stage` and `cache` are as of `rebuild`. Raises WorkbenchError, also for pictures that
    the spec was tuned on.
    """
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    keep_apart(pictures, [], spec.theory.tuned)
    if len(pictures) < 2:
        raise WorkbenchError("pictures", f"{len(pictures)}", "two or more: intervals are over pictures")
    host = load(trained.host)
    circuit = compile_spec(spec, trained, host)

    with folder_written_whole(output, marker="layers.json") as folder:
        shown = answers(host, circuit, list(sites_up_to(host, [trained.site])), stage("match on drawn stimuli", group_count()), cache)
        found = nearest(shown)
        pairs = matched(circuit, found, seed)
        journal = layers_journal(host, circuit, [pair.facts for pair in pairs])
        moments = beside(host, circuit, pairs, pictures, progress=stage("compare on pictures", len(pictures)), journal=journal)
        scored = layers_score(spec, trained, host, circuit, shown, found, pairs, moments, pictures, seed)
        write_whole(folder / "layers.json", layers_json(scored))
        write_whole(folder / "layers.png", png(draw_layers(scored, circuit, shown)))
    journal.clear()
    return scored
