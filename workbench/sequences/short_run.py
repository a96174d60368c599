"""Runs of a transformer with overrides that compute only what differs from the natural run.

They start at the first layer that an override changes, and in the last layer they compute the
scored places alone.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from workbench.hosts.hooks import overridden, refuse_unfired, replaced
from workbench.hosts.host import Host
from workbench.hosts.scored_places import CHOSEN_AFTER, ScoredPlaces, step_of
from workbench.hosts.transformer_host import shape_of
from workbench.sequences.natural_run import NaturalRun
from workbench.sequences.overrides import Overrides, UnitValues
from workbench.sequences.sites import ANSWERS, layer_of, pattern_site, stream_before, v_site, z_site


def answers_under(host: Host, run: NaturalRun, overrides: Overrides) -> Tensor:
    """The network's answers with these overrides. Raises WorkbenchError if one did not happen.

    All that comes before the first override is that of the natural run, and is not computed again.
    Neither are answers at places that are not scored: they may be nan.
    """
    inside = {site: override for site, override in overrides.items() if site != ANSWERS}
    answers = run.answers
    if inside:
        answers, _ = onward(host, run, min(map(layer_of, inside)), (), inside)
    if ANSWERS in overrides:
        answers = replaced(host.site(ANSWERS), overrides[ANSWERS], answers)
    return answers


def _within(layer: int, overrides: Collection[str]) -> str | None:
    """The site of a layer's attention before which overrides change nothing, if any."""
    sites = {site for site in overrides if layer_of(site) == layer}
    for known in (z_site(layer), pattern_site(layer)):
        if sites and sites <= {known, z_site(layer)}:
            return known
    return None


def onward(
    host: Host,
    run: NaturalRun,
    first: int,
    sites: Sequence[str] = (),
    overrides: Overrides = MappingProxyType({}),
) -> tuple[Tensor, Mapping[str, Tensor]]:
    """The answers, and activations at sites, of a network that differs from a layer on.

    It runs from that layer on, or from the last one, where it can; else from the tokens. In the
    last layer it computes the scored places alone, where it can: other answers then are nan. Raises
    WorkbenchError if an override did not happen.
    """
    layer = _start(host, run, first)
    if layer is None:
        return seen_under(host, run, overrides, sites)
    scored = _scored_places(host, run, sites, overrides)
    puts = _at_scored(host, overrides, scored)
    start, known = stream_before(layer), _within(first, puts) if first == layer else None
    if known and known not in sites and (outputs := _as_outputs(host, run, first, puts)):
        known, puts = z_site(first), outputs
    given = _natural(host, run, [start, *([known] if known else [])], scored)
    with overridden(host, puts) as fired:
        answers, seen = host.start(run.tokens, start, given, *sites, scored=scored)
    refuse_unfired(fired)
    if scored and answers.shape[1] != run.answers.shape[1]:
        answers = scored.everywhere(answers, run.answers.shape[1])
    return answers, seen


def _start(host: Host, run: NaturalRun, first: int) -> int | None:
    """The last layer, `first` at most, from which a run can start; None where none can."""
    layers = [
        layer_of(site)
        for site in run.seen
        if site in host.sites and host.starts_at(site) and layer_of(site) <= first
    ]
    return max(layers, default=None)


def _scored_places(
    host: Host, run: NaturalRun, sites: Collection[str], overrides: Overrides
) -> ScoredPlaces | None:
    """The places that the last layer computes; None for all.

    They are chosen after the last site of that layer that is recorded, or replaced by an override
    that needs every place.
    """
    if shape_of(host).answer == "embedding" or run.scored_places is None:
        return None
    whole = [site for site, put in overrides.items() if not isinstance(put, UnitValues)]
    step = max((_step(host, site) for site in (*sites, *whole)), default=0)
    return ScoredPlaces(run.scored_places, CHOSEN_AFTER[step]) if step < len(CHOSEN_AFTER) else None


def _step(host: Host, site: str) -> int:
    in_last = layer_of(site) == shape_of(host).layers - 1
    return step_of(site.rsplit(".", 1)[1]) if in_last else 0


def _has_scored_alone(host: Host, site: str, scored: ScoredPlaces) -> bool:
    """Whether a site comes after the step at which the scored places are chosen."""
    return _step(host, site) > step_of(scored.after)


def _at_scored(host: Host, overrides: Overrides, scored: ScoredPlaces | None) -> Overrides:
    """The overrides, with values of the scored places alone where a site has no others."""
    if scored is None:
        return overrides
    return {
        site: put.at(scored)
        if isinstance(put, UnitValues) and _has_scored_alone(host, site, scored)
        else put
        for site, put in overrides.items()
    }


def _natural(
    host: Host, run: NaturalRun, sites: Sequence[str], scored: ScoredPlaces | None
) -> dict[str, Tensor]:
    """The natural activations at those sites that were recorded, as a run takes them."""
    return {
        site: scored.unit_rows(run.seen[site])
        if scored and _has_scored_alone(host, site, scored)
        else run.seen[site]
        for site in sites
        if site in run.seen
    }


def _as_outputs(host: Host, run: NaturalRun, layer: int, overrides: Overrides) -> Overrides | None:
    """The overrides with the outputs of heads in place of their patterns in a layer.

    All that comes before is natural there: so are the outputs of the other heads, which then are
    not computed again. None where patterns are replaced in another way, or outputs as well.
    """
    put, values = overrides.get(pattern_site(layer)), run.seen.get(v_site(layer))
    if not isinstance(put, UnitValues) or values is None or z_site(layer) in overrides:
        return None
    shared = shape_of(host).heads // values.shape[1]  # heads that have the same values
    read = values[:, [unit // shared for unit in put.units]]
    outputs = torch.einsum("nhqk,nhke->nhqe", put.values.to(read.dtype), read)
    others = {site: other for site, other in overrides.items() if site != pattern_site(layer)}
    return {**others, z_site(layer): UnitValues(put.units, outputs)}


def seen_under(
    host: Host, run: NaturalRun, overrides: Overrides, sites: Sequence[str]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The network's answers with these overrides, and the activations at sites then.

    Raises WorkbenchError if an override did not happen.
    """
    with overridden(host, overrides) as fired:
        answers, seen = host.run(run.tokens, *sites)
    refuse_unfired(fired)
    return answers, seen
