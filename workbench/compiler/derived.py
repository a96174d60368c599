"""Circuits that are compiled from a spec with something changed or left out."""

from collections.abc import Sequence
from dataclasses import replace

from workbench.compiler.bind import Bound
from workbench.compiler.circuit import HandwrittenCircuit, Layer
from workbench.compiler.compile import compile_spec
from workbench.compiler.ideal import LIKE
from workbench.compiler.layer import compile_layer, written
from workbench.compiler.linear import Constant, constants
from workbench.hosts.host import Host
from workbench.spec import Spec
from workbench.spec.circuit import TrainedCircuit
from workbench.spec.language import Blob, Family, Gabor, Reading


def compile_chain(
    spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound
) -> dict[str, HandwrittenCircuit]:
    """Circuits with ever fewer families bound to trained units, ever more of them handwritten.

    There is a circuit `trained.FAMILY` for each family of `bound`, from the last on. In it that
    family and every one of `bound` above it are trained units.
    """
    order = [family for family in spec.theory.families if family in bound] + [
        family for family in bound if family not in spec.theory.families
    ]
    return {
        f"trained.{family}": compile_spec(
            spec, trained, host, bound={name: bound[name] for name in order[: i + 1]}
        )
        for i, family in reversed(list(enumerate(order)))
    }


def compile_compared(
    others: Sequence[Spec], trained: TrainedCircuit, host: Host
) -> dict[str, HandwrittenCircuit]:
    """Circuits `compared.THEORY` of other theories of the same units. Raises as `compile_spec`."""
    return {f"compared.{spec.theory.theory}": compile_spec(spec, trained, host) for spec in others}


def compile_variants(
    spec: Spec, trained: TrainedCircuit, host: Host, whole: HandwrittenCircuit
) -> dict[str, HandwrittenCircuit]:
    """A circuit `variant.NAME` for each variant of a spec, whose own circuit is `whole`.

    A variant that changes only the units shares the layers of `whole` above the last, so that they
    run once. Raises as `compile_spec`.
    """
    circuits = {
        f"variant.{name}": compile_spec(spec, trained, host, variant=name) for name in spec.variants
    }
    above = whole.layers[:-1]
    return {
        name: circuit
        if spec.theory.variants[circuit.facts["variant"]].set
        else replace(circuit, layers=(*above, circuit.layers[-1]))
        for name, circuit in circuits.items()
    }


def compile_terms(spec: Spec, trained: TrainedCircuit, host: Host) -> dict[str, HandwrittenCircuit]:
    """For each term of the last family, named as in "line[0]", the circuit with this term alone.

    The circuits share the layers above; where the last family does not normalise, their drives add
    up to the whole circuit's. Raises as `compile_spec`.
    """
    whole = compile_spec(spec, trained, host)
    last, family = whole.layers[-1].family, list(spec.theory.families.values())[-1]
    return {
        f"{source}[{i}]": replace(
            whole, layers=(*whole.layers[:-1], _alone(whole, last, family, source, term))
        )
        for source, terms in family.reads.items()
        for i, term in enumerate(terms)
    }


def compile_constants(
    spec: Spec, circuit: HandwrittenCircuit, family: str, source: str
) -> list[tuple[Constant, Layer]]:
    """The constants that a family's weights to a family `source` are linear in.

    Each comes with the family's layer in which it alone is 1 and the other constants are 0. Times
    the constants' values, the weights of these layers add up to those of the circuit's own layer.
    """
    wanted = spec.theory.families[family]
    every = [
        constant
        for term in wanted.reads[source]
        if not isinstance(term, (Gabor, Blob))
        for constant in constants(term)
    ]
    return [
        (constant, _alone(circuit, family, wanted, source, constant.term)) for constant in every
    ]


def _alone(
    circuit: HandwrittenCircuit, name: str, family: Family, source: str, term: Reading
) -> Layer:
    """A layer of the circuit that reads one term alone, with the whole layer's ideal drive."""
    layers = {layer.family: layer for layer in circuit.layers}
    one = compile_layer(
        name,
        family.model_copy(update={"reads": {source: (term,)}}),
        layers[name].units,
        layers[name].stride_px,
        layers,
        written(LIKE),
        LIKE,
    )
    return replace(one, ideal=layers[name].ideal)
