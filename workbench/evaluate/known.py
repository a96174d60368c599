"""What the rows of a condition depend on: by that they are known again (docs/engine.md)."""

from collections.abc import Mapping, Sequence

from workbench.cache import known_by
from workbench.code import computed_by
from workbench.compiler.plan import layer_keys
from workbench.evaluate.journal import told
from workbench.evaluate.statistics import RANKED
from workbench.hosts.host import Host
from workbench.splice.calibrate import Splices, condition_names
from workbench.splice.conditions import Condition, circuits_read


def drives_wanted(conditions: Sequence[Condition]) -> set[str] | None:
    """The circuits that conditions read; None, for all, where one does not tell."""
    read = [circuits_read(condition) for condition in conditions]
    return None if None in read else {name for names in read for name in names or ()}


def known_conditions(host: Host, joint: Sequence[Splices]) -> dict[str, str]:
    """What the rows of each condition depend on besides the pictures, as a hash; without those that do not tell what they read."""
    about = [computed_by(), host.facts, joint[0].donors]
    about += [(splices.site, splices.units) for splices in joint]
    layers = [{name: layer_keys(circuit) for name, circuit in splices.circuits.items()} for splices in joint]
    found = {}
    for name in condition_names(joint):
        own = [splices.condition(name) for splices in joint]
        if drives_wanted(own) is not None:
            found[name] = known_by(*about, name in RANKED, *(_known(condition, keys) for condition, keys in zip(own, layers, strict=True)))
    return found


def _known(condition: Condition, layers: Mapping[str, Sequence[str]]) -> str:
    """A condition, and the layers of the circuits that it reads; what a circuit and its spec are called does not matter."""
    read = [key for name in circuits_read(condition) or () for key in layers[name]]
    kind = getattr(condition, "__name__", type(condition).__name__)
    return known_by(kind, told(condition), *read)
