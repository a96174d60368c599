"""The subject of an analysis: a theory, its host, and the trained units that it is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.compiler import HandwrittenCircuit, compile_spec
from workbench.compiler.bind import Bound, refuse_misplaced, refuse_unbindable
from workbench.compiler.compile import refuse_strange
from workbench.hosts import Host
from workbench.hosts.host import sites_up_to
from workbench.hosts.store import load
from workbench.matching.correspondence import claimed
from workbench.matching.matched import Matched
from workbench.matching.nearest import nearest
from workbench.matching.probes import answers, group_count
from workbench.score.facts import Header, circuit_facts, host_facts, spec_facts
from workbench.spec import Spec, TrainedCircuit, load_circuit, load_theory
from workbench.work import Work


@dataclass(frozen=True)
class SubjectFiles:
    """The files of a subject.

    `bound`: families and the circuit files of the trained units that may stand in for them.
    """

    spec: Path
    circuit: Path
    bound: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Subject:
    """A theory, its trained units in a host, and the circuit that it compiles to.

    `bound`: the trained units that stand in for families.
    """

    spec: Spec
    trained: TrainedCircuit
    host: Host
    bound: Bound
    circuit: HandwrittenCircuit


def load_subject(files: SubjectFiles, read_off: bool = True) -> Subject:
    """Load a subject and compile its theory.

    With `read_off` its families may be read off the units that they are bound to, so they have one
    angle; without it any family may be bound. Raises WorkbenchError, also for units that a family
    cannot be bound to.
    """
    spec, trained = load_theory(files.spec), load_circuit(files.circuit)
    bound = {family: load_circuit(file) for family, file in files.bound.items()}
    host = load(trained.host)
    for units in bound.values():
        refuse_strange(units, host)
    refuse = refuse_unbindable if read_off else refuse_misplaced
    refuse(spec, trained, host, bound)
    return Subject(spec, trained, host, bound, compile_spec(spec, trained, host))


def matched_units(subject: Subject, work: Work) -> tuple[Matched, ...]:
    """The trained units that a theory makes statements about, at all sites up to the circuit's."""
    for units in (subject.trained, *subject.bound.values()):
        units.channels("matching")  # refuses directions before anything runs
    sites = list(sites_up_to(subject.host, [subject.trained.site]))
    advance = work.stage("match on drawn stimuli", group_count())
    responses = answers(subject.host, subject.circuit, sites, advance, work.cache)
    return claimed(subject.circuit, nearest(responses), subject.trained, subject.bound, work.seed)


def subject_header(subject: Subject, **more: Any) -> Header:
    """The header of a document about a subject; `more` are the other fields of `Header`."""
    return Header(
        host=host_facts(subject.host),
        spec=spec_facts(subject.spec),
        circuit=circuit_facts(subject.trained),
        bound={family: units.sha256 for family, units in subject.bound.items()},
        **more,
    )
