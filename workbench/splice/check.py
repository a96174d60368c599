"""A check of a host, before the figures that rest on it.

Figures are silently wrong where a host is no function of each input, where its sites
are not as declared, or where a splice changes more than the replaced units. So every run measures
this on its first batch, by the functions that scoring uses.
"""

import hashlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from workbench.arrays import to_numpy
from workbench.cache import Cache, Kept, cache_key
from workbench.code import code_version
from workbench.compiler.circuit import HandwrittenCircuit
from workbench.errors import WorkbenchError
from workbench.hosts.declared import run_as_declared
from workbench.hosts.host import Host
from workbench.hosts.named import is_own
from workbench.splice.inputs import Circuits, Wanted, joint_inputs
from workbench.splice.natural import Part, at_least_float32
from workbench.splice.network import site_after, spliced_from, start_of
from workbench.splice.slots import Slots, slots_of

CHECKED = "checked"  # the kind of cache entries
# The most that rounding changes, as a share of the largest value
FLOAT32 = 2e-4  # sums in another order, as for another size of batch
LOW_PRECISION = 2**-5  # eight roundings to the eight bits of bfloat16
LOW_DTYPES = (torch.bfloat16, torch.float16)

LOGITS = Part("logits")
ANSWER = LOGITS.site  # in place of the name of a site
# by key of the result: what changes, and what to do about it
CHANGES = {
    "repeated": (
        "the same inputs, run again, give others at",
        "Remove random operations, and state that one run leaves for the next.",
    ),
    "alone": (
        "an input gives another result alone than in a batch, at",
        "Remove stages that mix the inputs of a batch, such as batch norm in training mode.",
    ),
    "spliced": (
        "the replaced units' own activation, spliced back, gives another result at",
        "Name a submodule through whose output alone later layers read the site, or wrap the "
        "network in a module of a class of yours, so that it always runs whole.",
    ),
}

Values = Mapping[str, Tensor]  # activations of one run by site, and its answers as ANSWER


@torch.inference_mode()
def check_host(
    host: Host, joint: Sequence[Circuits], x: Tensor, cache: Cache | None = None
) -> Mapping[str, float]:
    """The largest differences, as shares of the largest value, between runs that should be equal.

    repeated  the same batch `x`, run twice
    alone     the last input of the batch, run in the batch and alone
    spliced   the batch with the units of the circuits spliced back at their own activation

    Compared are the answers, the spliced sites, and the site after them. The cache keeps the
    result, except that of a user's own host. Raises WorkbenchError where a difference is more than
    rounding, where the network writes over its input, and as `run_as_declared`.
    """
    if len(x) == 1:  # one input alone shows nothing of what a batch mixes
        x = torch.cat([x, host.input.example().to(x)])
    slots = [(circuit.site, slots_of(circuit)) for circuit in map(_any, joint)]
    batch = hashlib.sha256(to_numpy(x.contiguous()).data).hexdigest()
    key = cache_key(code_version(), host.facts, slots, x.dtype, len(x))
    kept = Kept(None if is_own(host.name) else cache, CHECKED, key)
    return kept.figures(batch, lambda: _differences(host, joint, slots, x))


def _any(circuits: Circuits) -> HandwrittenCircuit:
    """One of them: all stand for the same units."""
    return next(iter(circuits.values()))


def _differences(
    host: Host, joint: Sequence[Circuits], slots: Sequence[tuple[str, Slots]], x: Tensor
) -> dict[str, float]:
    given = x.clone()
    spliced_sites = [site for site, _ in slots]
    after = site_after(host, spliced_sites)
    sites = [site for site in host.sites if site in {*spliced_sites, *after}]

    batch = _values(host, *run_as_declared(host, x, *sites))
    more = [*([LOGITS] if host.has_output else []), *(Part("site", site) for site in sites)]
    wanted = Wanted(frozenset(), frozenset(), (*more, start_of(host, slots)))
    inputs, parts = joint_inputs(host, joint, x, torch.zeros(len(x), dtype=torch.long), wanted)
    again = {part.site: parts[part] for part in more}
    natural = [inputs_at_site.trained for inputs_at_site in inputs]
    spliced = _values(host, *spliced_from(host, x, inputs, natural, parts, *after))
    alone = _values(host, *run_as_declared(host, x[-1:], *sites))
    if not torch.equal(x, given):
        raise WorkbenchError(
            f"host {host.name}",
            "its network writes over its input",
            "a host that is not declared `reentrant`, whose network runs on copies",
        )
    last = {site: value[-1:] for site, value in batch.items()}
    return {
        "repeated": _largest(host, "repeated", batch, batch, again),
        "alone": _largest(host, "alone", batch, last, alone),
        "spliced": _largest(host, "spliced", batch, batch, spliced),
    }


def _values(host: Host, answer: Tensor, activations: Values) -> Values:
    return {**activations, **({ANSWER: answer} if host.has_output else {})}


def _largest(host: Host, change: str, batch: Values, expected: Values, given: Values) -> float:
    """The largest difference of `given` from `expected`, as a share of the largest in `batch`.

    Raises WorkbenchError for the first site, or else the answers, where it is more than rounding.
    """
    shares = {
        site: _share(batch[site], value, given[site])
        for site, value in expected.items()
        if site in given
    }
    low = False  # rounding carries on to all later sites, and to the answers
    for site, share in shares.items():
        low |= batch[site].dtype in LOW_DTYPES or (site == ANSWER and bool(host.precision))
        rounding = LOW_PRECISION if low else FLOAT32
        if not share <= rounding:
            words, remedy = CHANGES[change]
            place = f"site {site} (module {host.site(site).module!r})" if site else "its answers"
            raise WorkbenchError(
                f"host {host.name}",
                f"{words} {place}: they differ by {share:.2g} of the largest value",
                f"at most {rounding:.2g}, which is rounding",
                remedy,
            )
    return max(shares.values(), default=0.0)


def _share(scale: Tensor, expected: Tensor, given: Tensor) -> float:
    """The largest difference over the largest value of `scale`; equal infinities do not differ."""
    expected, given = at_least_float32(expected), at_least_float32(given)
    same = (expected == given) | (expected.isnan() & given.isnan())
    difference = (expected - given).abs().masked_fill(same, 0).nan_to_num(nan=torch.inf)
    largest = float(difference.max()) if difference.numel() else 0.0
    finite = at_least_float32(scale).abs().nan_to_num(nan=0, posinf=0)
    return largest / max(float(finite.max()), 1e-30) if largest else 0.0
