"""The figures of a circuit's use: its strongest examples, its consumers and its readers."""

import json
from dataclasses import asdict, dataclass

from workbench.analyses.usage.consumers import Consumers
from workbench.analyses.usage.examples import Strongest
from workbench.analyses.usage.readers import Readers

READER_FIGURES = ("units", "share", "read_deg", "one_pose", "excites")


@dataclass(frozen=True)
class Usage:
    """Which pictures a circuit's units respond to most, and which next units use them.

    examples   the strongest responses of some units, trained and handwritten
    consumers  units of the next site, by how far the circuit changes them on pictures
    readers    units of the next site, by the weights with which they read the circuit
    """

    examples: tuple[Strongest, ...]
    consumers: Consumers
    readers: Readers


def usage_json(usage: Usage) -> str:
    """The text of examples.json (docs/report.md)."""
    readers = usage.readers
    changed = {condition: rows.tolist() for condition, rows in usage.consumers.changed.items()}
    facts = {
        "examples": [_plain(example) for example in usage.examples],
        "consumers": {"site": usage.consumers.site, "changed": changed},
        "readers": {
            "site": readers.site,
            "from": readers.names,
            "known": readers.known,
            "channels": readers.channels,
            "why": readers.why,
            **{name: getattr(readers, name).tolist() for name in READER_FIGURES},
        },
    }
    return json.dumps(facts, indent=1) + "\n"


def _plain(example: Strongest) -> dict[str, object]:
    pictures = ("rgb", "saliency")
    return {name: value for name, value in asdict(example).items() if name not in pictures}
