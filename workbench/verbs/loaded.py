"""What the verbs that ask about trained units, family by family, read first: a theory, its host, and the units that it speaks of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.cache import Cache
from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.compiler.bind import Bound, refuse_unbindable
from workbench.compiler.compile import refuse_strange
from workbench.evaluate.claimed import claimed
from workbench.evaluate.layers import Matched
from workbench.evaluate.matching import nearest
from workbench.hosts import Host
from workbench.hosts.store import load
from workbench.rebuild import Stage
from workbench.score.frontier import sites_up_to
from workbench.spec import Spec, TrainedCircuit, load_circuit, load_theory
from workbench.survey.probes import answers, group_count


@dataclass(frozen=True)
class Loaded:
    """A theory, the host and trained units that it is of, and its circuit."""

    spec: Spec
    trained: TrainedCircuit
    host: Host
    bound: Bound
    circuit: HandwrittenCircuit


def loaded(spec_file: Path, circuit_file: Path, bound_files: Mapping[str, Path]) -> Loaded:
    """What the files say. Raises WorkbenchError, also for units that a family cannot be bound to."""
    spec, trained = load_theory(spec_file), load_circuit(circuit_file)
    bound = {family: load_circuit(file) for family, file in bound_files.items()}
    host = load(trained.host)
    for units in bound.values():
        refuse_strange(units, host)
    refuse_unbindable(spec, trained, host, bound)
    return Loaded(spec, trained, host, bound, compile_spec(spec, trained, host))


def claims_of(read: Loaded, stage: Stage, seed: int, cache: Cache | None = None) -> tuple[Matched, ...]:
    """The trained units that the theory speaks of, at all sites up to the circuit's."""
    sites = list(sites_up_to(read.host, [read.trained.site]))
    shown = answers(read.host, read.circuit, sites, stage("match on drawn stimuli", group_count()), cache)
    return claimed(read.circuit, nearest(shown), read.trained, read.bound, seed)
