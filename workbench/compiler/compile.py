"""Spec + poses -> handwritten circuit, one straight pass over the families, in the array library, dtype and device of `like`.

Every constant passes through `value`, so that the same pass compiles numbers (`workbench compile`) and tensors that are fitted by gradient
through the compiler (`workbench tune`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from jaxtyping import Float

from workbench.arrays import Array, array_like, array_namespace, detached
from workbench.compiler.bind import Bound, bound_layer, heard_on, read_from, refuse_unbindable
from workbench.compiler.circuit import Grid, HandwrittenCircuit, Layer, Normalise, Pool, Read
from workbench.compiler.ideal import LIKE, IdealStimuli
from workbench.compiler.linear import Constant, constants
from workbench.errors import WorkbenchError
from workbench.hosts.host import Host
from workbench.spec import Spec, check_pair, numbers, posed
from workbench.spec.circuit import GABOR_POSES, TrainedCircuit
from workbench.spec.language import INPUT, Alike, Entry, Family, Gabor, Number, Poses, Table, Term, Theory
from workbench.spec.meaning import grid_px
from workbench.spec.problems import key_text
from workbench.theory.frame import taps
from workbench.theory.poses import CENTRE, MIXTURE, PICTURE, RADIUS, SCALE, SHIFT_X, SHIFT_Y, Units, every_combination
from workbench.theory.rule import Motif, gabor_weights, weights
from workbench.theory.table import Single, table

Value = Callable[[Number], Array]


def compile_spec(
    spec: Spec,
    trained: TrainedCircuit,
    host: Host,
    as_written: bool = False,
    bound: Bound | None = None,
    variant: str | None = None,
    until: str | None = None,
    like: Array = LIKE,
) -> HandwrittenCircuit:
    """The circuit that a spec describes for a trained circuit's units, with the provenance of its numbers.

    `as_written` takes a tuned spec's numbers as they were before tuning; the families of `bound` are read off the host's own units instead of
    being compiled; `variant` names one of the spec's, its numbers and poses as tuned where it does not change them; `until` names the family that
    the circuit is to end in, by default the theory's last; `like` says library, dtype and device of its arrays. Raises SpecError if the spec
    cannot stand for these units, and WorkbenchError if a circuit is another host's, a family cannot be bound, the host's cells do not fall on a
    family's grid, or a family is not driven by its own ideal stimulus.
    """
    bound = bound or {}
    check_pair(spec, trained)
    for found in (trained, *bound.values()):
        refuse_strange(found, host)
    refuse_unbindable(spec, trained, host, bound)
    _refuse_misfit(spec, trained, host, bound)
    theory, alike = (spec.variants[variant], spec.theory.variants[variant].units) if variant else (spec.theory, Alike())
    tuned = theory.tuned
    before = tuned.written if as_written and tuned else {}
    units = _made_alike(trained_units(trained if as_written or not tuned else posed(trained, tuned)), alike)
    current = {id(number): before.get(key_text(path), number.tune) for path, number in numbers(theory)}
    circuit = compile_theory(
        theory, trained, host, lambda number: array_like(current.get(id(number), number.tune), like), units, bound=bound, like=like
    )
    if until:
        circuit = replace(circuit, layers=circuit.layers[: [layer.family for layer in circuit.layers].index(until) + 1])
    _refuse_undriven(f"{spec.path}: " + (f"variants.{variant}: " if variant else ""), circuit)
    rows = [
        [key_text(path), current[id(number)], "tuned" if number.tuned and tuned and not as_written else "rule"]
        for path, number in numbers(theory)
    ]
    facts: dict[str, Any] = {"spec": spec.sha256, "circuit": trained.sha256, "fingerprint": host.fingerprint, "numbers": rows}
    if bound:
        facts["bound"] = {family: units.sha256 for family, units in bound.items()}
    if variant:
        facts |= {"variant": variant, **({"gain": alike.gain} if alike.gain else {})}
    return replace(circuit, facts=facts)


def compile_chain(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound) -> dict[str, HandwrittenCircuit]:
    """The chain from "only the last steps by hand" towards "everything by hand": a circuit `bound.FAMILY` for each family of `bound`, from the
    last on, in which that family and every one of `bound` above it are trained units."""
    order = [family for family in spec.theory.families if family in bound] + [
        family for family in bound if family not in spec.theory.families
    ]
    return {
        f"bound.{family}": compile_spec(spec, trained, host, bound={name: bound[name] for name in order[: i + 1]})
        for i, family in reversed(list(enumerate(order)))
    }


def compile_beside(others: Sequence[Spec], trained: TrainedCircuit, host: Host) -> dict[str, HandwrittenCircuit]:
    """Circuits `beside.THEORY` of other theories of the same units. Raises as `compile_spec`."""
    return {f"beside.{spec.theory.theory}": compile_spec(spec, trained, host) for spec in others}


def compile_variants(spec: Spec, trained: TrainedCircuit, host: Host, whole: HandwrittenCircuit) -> dict[str, HandwrittenCircuit]:
    """A circuit `variant.NAME` for each variant of a spec, of which `whole` is the circuit; what only changes the units shares its layers above
    the last, so that they run once. Raises as `compile_spec`."""
    made = {f"variant.{name}": compile_spec(spec, trained, host, variant=name) for name in spec.variants}
    above = whole.layers[:-1]
    return {
        name: circuit if spec.theory.variants[circuit.facts["variant"]].set else replace(circuit, layers=(*above, circuit.layers[-1]))
        for name, circuit in made.items()
    }


def compile_terms(spec: Spec, trained: TrainedCircuit, host: Host) -> dict[str, HandwrittenCircuit]:
    """For each term of the last family, named as in "line[0]", the circuit with this term alone. They share the layers above; where the last family
    does not normalise, their drives add up to the whole circuit's. Raises as `compile_spec`."""
    whole = compile_spec(spec, trained, host)
    last, family = whole.layers[-1].family, list(spec.theory.families.values())[-1]
    return {
        f"{source}[{i}]": replace(whole, layers=(*whole.layers[:-1], _alone(whole, last, family, source, term)))
        for source, terms in family.reads.items()
        for i, term in enumerate(terms)
    }


def compile_constants(spec: Spec, circuit: HandwrittenCircuit, family: str, source: str) -> list[tuple[Constant, Layer]]:
    """For each constant that a family's weights to a family `source` are linear in, the family's layer with this constant alone, at 1. Times
    their values, the weights add up to those of the circuit's own layer."""
    said = spec.theory.families[family]
    every = [each for term in said.reads[source] if not isinstance(term, Gabor) for each in constants(term)]
    return [(each, _alone(circuit, family, said, source, each.term)) for each in every]


def _alone(circuit: HandwrittenCircuit, name: str, family: Family, source: str, term: Gabor | Term | Table) -> Layer:
    """A layer of the circuit that reads one term alone, divided by what drives the whole."""
    layers = {layer.family: layer for layer in circuit.layers}
    one = _layer(
        name, family.model_copy(update={"reads": {source: (term,)}}), layers[name].units, circuit.grid, layers, _written(LIKE), LIKE
    )
    return replace(one, ideal=layers[name].ideal)


def refuse_strange(trained: TrainedCircuit, host: Host) -> None:
    """Raises WorkbenchError for a circuit that was found in another host."""
    if trained.fingerprint != host.fingerprint:
        raise WorkbenchError(
            f"circuit {trained.circuit}",
            f"found in a host with fingerprint {trained.fingerprint[:12]}… ({trained.host})",
            f"{host.name}'s, {host.fingerprint[:12]}…",
            f"Survey this host: workbench survey {host.name} --family {trained.circuit}",
        )


def _refuse_misfit(spec: Spec, trained: TrainedCircuit, host: Host, bound: Bound) -> None:
    """Raises WorkbenchError where the host's cells do not fall on those of a family that the last one reads: nothing is read in between."""
    families, stride_px = spec.theory.families, host.site(trained.site).stride_px
    for name in list(families.values())[-1].reads:
        step_px = 1 if name == INPUT or name in bound else grid_px(families[name])
        if step_px and stride_px % step_px:
            raise WorkbenchError(
                f"{spec.path}: {trained.circuit} at {trained.site} of {host.name}",
                f"cells every {stride_px} px, but {name!r} answers every {step_px} px",
                f"a stride that {step_px} px divides",
                "Survey another site, or give the family a finer grid.",
            )


def _refuse_undriven(where: str, circuit: HandwrittenCircuit) -> None:
    """Dividing by a drive below 0 would turn every sign around: a theory and its opposite would be the same weights."""
    for layer in circuit.layers:
        if not float(layer.ideal) > 0:
            raise WorkbenchError(
                f"{where}families.{layer.family}",
                f"its own ideal stimulus drives it to {float(layer.ideal):g}",
                "a drive above 0",
                "What it reads there must excite it more than inhibit it: look at its gains and harmonics.",
            )


def compile_theory(
    theory: Theory,
    trained: TrainedCircuit,
    host: Host,
    value: Value | None = None,
    units: Units | None = None,
    ideal_dtype: Any = None,
    bound: Bound | None = None,
    like: Array = LIKE,
) -> HandwrittenCircuit:
    """The circuit that `theory` describes for the trained circuit's units: its arrays are of the library, dtype and device of `like`.

    `value` gives the array for a Number of the spec, in that library; by default its written or tuned value. `units` are those of the last family,
    by default the trained circuit's. The ideal stimuli are run in `ideal_dtype`, by default that of `like`. Families that only `bound` ones read
    are left out.
    """
    value = value or _written(like)
    site = host.site(trained.site)
    grid = Grid(host.input.size_px, site.stride_px, site.offset_px, site.height, site.width)
    bound = bound or {}
    sites = tuple(dict.fromkeys(units.site for units in bound.values()))
    ideal = IdealStimuli(grid, like, ideal_dtype, (lambda picture: heard_on(host, sites, picture)) if sites else None)
    units = replace(units or trained_units(trained), typical_px=list(theory.families.values())[-1].typical_radius_px)
    wanted = read_from(theory, bound) if bound else set(theory.families)
    layers: list[Layer] = []
    for name, family in theory.families.items():
        if name not in wanted:
            continue
        if name in bound:
            layers.append(bound_layer(name, family, bound[name], trained_units(bound[name]), host, like))
            continue
        layer = _layer(name, family, units, grid, {layer.family: layer for layer in layers}, value, like)
        if any(source != INPUT for source in family.reads):  # on the picture alone, kernels have their own scale
            layer = replace(layer, ideal=ideal.drive(layers, layer, _ideal_radius_px(family, value), _texture_px(family)))
        layers.append(layer)
    return HandwrittenCircuit(theory.theory, host.name, trained.site, tuple(unit.unit for unit in trained.units), grid, tuple(layers))


def _written(like: Array) -> Value:
    """Each number of the spec at its written or tuned value."""
    return lambda number: array_like(number.tune, like)


def trained_units(trained: TrainedCircuit) -> Units:
    """Names and poses of the host's units."""
    names = tuple(f"{trained.site}:{unit.unit}" for unit in trained.units)
    poses: dict[str, tuple] = {CENTRE: tuple(unit.centre_deg for unit in trained.units)}
    if all(unit.radius_px is not None for unit in trained.units):
        poses[RADIUS] = tuple(unit.radius_px for unit in trained.units)
    surveyed = {axis: tuple(getattr(unit, axis) for unit in trained.units) for axis in GABOR_POSES}
    mixtures = surveyed.pop("mixture")
    poses |= {axis: column for axis, column in surveyed.items() if column[0] is not None}
    if mixtures[0] is not None:
        poses |= dict(zip(MIXTURE, zip(*mixtures, strict=True), strict=True))
    shifts = [unit.shift_px or (0.0, 0.0) for unit in trained.units]
    poses |= {SHIFT_X: tuple(x for x, _ in shifts), SHIFT_Y: tuple(y for _, y in shifts)}
    return Units(names, poses, {"unit": len(names)})


def _made_alike(units: Units, alike: Alike) -> Units:
    """The units as a variant has them; a pose that they do not have cannot differ among them."""
    poses = dict(units.poses)
    if alike.shift_px:
        poses |= dict.fromkeys((SHIFT_X, SHIFT_Y), (0.0,) * len(units))
    for axis in [axis for axis in (RADIUS, SCALE) if getattr(alike, axis) and axis in poses]:
        poses[axis] = (math.exp(sum(map(math.log, poses[axis])) / len(units)),) * len(units)
    return replace(units, poses=poses)


def _layer(name: str, family: Family, of_host: Units, grid: Grid, above: dict[str, Layer], value: Value, like: Array) -> Layer:
    units = every_combination(family.poses.axes()) if isinstance(family.poses, Poses) else of_host
    stride_px = family.stride_px or grid.stride_px
    reads = tuple(Read(source, _weights(family, units, above.get(source), terms, value, like)) for source, terms in family.reads.items())
    normalise = Normalise(family.normalise.across, value(family.normalise.floor)) if family.normalise else None
    pool = Pool(taps(family.pool.over_px, stride_px), family.pool.stride_px) if family.pool else None
    return Layer(name, units, stride_px, reads, value(family.threshold), array_like(1.0, like), family.rectify == "full", normalise, pool)


def _weights(
    family: Family, units: Units, upstream: Layer | None, terms: tuple[Gabor | Term | Table, ...], value: Value, like: Array
) -> Float[Array, "d u kh kw"]:
    of, step_px = (upstream.units, upstream.grid_px) if upstream else (PICTURE, 1)
    singles = [_single(entry, value) for term in terms if isinstance(term, Table) for entry in term.weights]
    explicit = [table(units, of, singles, family.window_px, step_px, like)] if singles else []
    if upstream is None:
        gabors = [term for term in terms if isinstance(term, Gabor)]
        kernels = [gabor_weights(units, value(t.wavelength_px), value(t.sigma_px), value(t.aspect), family.window_px, like) for t in gabors]
        xp = array_namespace(like)
        return xp.sum(xp.stack([*kernels, *explicit]), axis=0)
    motifs = [_motif(term, value) for term in terms if isinstance(term, Term)]
    return sum(explicit, weights(units, of, motifs, family.window_px, step_px, like))


def _single(entry: Entry, value: Value) -> Single:
    return Single(entry.to.axes(), entry.from_.axes(), entry.at_px, value(entry.weight))


def _motif(term: Term, value: Value) -> Motif:
    where = {
        name: value(number)
        for name in ("spread_px", "extent_px", "distance_px", "radius_px")
        if (number := getattr(term, name)) is not None
    }
    return Motif(
        place=term.along,
        match=term.match,
        gain=value(term.gain),
        where=where,
        radius_power=None if term.radius_power is None else value(term.radius_power),
        tolerance_deg=None if term.tolerance_deg is None else value(term.tolerance_deg),
        harmonics=None if term.harmonics is None else [value(number) for number in term.harmonics],
        profile=None if term.profile is None else [(off_deg, value(weight)) for off_deg, weight in term.profile],
        turned=term.turned,
        by={axis: [value(number) for number in gains] for axis, gains in term.by.items()},
    )


def _texture_px(family: Family) -> tuple[float, float] | None:
    """Wavelengths of a family's ideal stimulus, where that is an edge between textures."""
    return (family.ideal.fine_px, family.ideal.coarse_px) if family.ideal else None


def _ideal_radius_px(family: Family, value: Value) -> float | None:
    """Radius of the first arc that a family reads: its ideal stimulus is that arc, of other families a line. No gradient flows to it."""
    radii = [term.radius_px for terms in family.reads.values() for term in terms if isinstance(term, Term) and term.along == "arc"]
    return float(detached(value(radii[0]))) if radii and radii[0] is not None else None
