"""Cache keys of conditions: everything that their statistics depend on (docs/engine.md)."""

from collections.abc import Mapping, Sequence

from workbench.cache import cache_key
from workbench.code import code_version
from workbench.compiler.plan import layer_keys
from workbench.evaluate.statistics import RANKED
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices, condition_names
from workbench.splice.conditions import Condition


def condition_keys(host: Host, joint: Sequence[Splices]) -> dict[str, str]:
    """A hash, for each condition, of everything that its rows depend on besides the pictures.

    Conditions that may not be cached are left out.
    """
    about = [code_version(), host.facts, joint[0].donors]
    about += [(splices.site, splices.slots) for splices in joint]
    layers = [
        {name: layer_keys(circuit) for name, circuit in splices.circuits.items()}
        for splices in joint
    ]
    keys = {}
    for name in condition_names(joint):
        parts = [
            _part(splices.condition(name), by_circuit)
            for splices, by_circuit in zip(joint, layers, strict=True)
        ]
        if None not in parts:
            keys[name] = cache_key(*about, name in RANKED, *parts)
    return keys


def _part(condition: Condition, layers: Mapping[str, Sequence[str]]) -> str | None:
    """A condition and the layers of the circuits that it reads.

    The names of a circuit and of its spec do not count. None for a condition that may not be
    cached.
    """
    parameters = condition.fitted_parameters()
    if parameters is None:
        return None
    names = layers if condition.circuits is None else sorted(condition.circuits)
    return cache_key(parameters, *(key for name in names for key in layers[name]))
