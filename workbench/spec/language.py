"""The spec language: the classes that define the content of a theory's YAML file.

The schema, the checks and the compiler all read these classes. `number`, `terms`, `family`,
`ledger` and `changes` hold the parts; import them all from here.

Lengths are input pixels, angles degrees (0 along +x, growing towards +y). A unit's frame has its
origin at the unit; its first axis is the feature's normal: towards its centre of curvature
(families with `centre_deg`), or 90 degrees on from its orientation (`orientation_deg`).
"""

from typing import Annotated

from pydantic import Field

from workbench.spec.changes import (
    COMPARISONS,
    Alike,
    Claim,
    Edit,
    Expect,
    Variant,
)
from workbench.spec.family import (
    Family,
    Normalise,
    PoolRule,
    PoseBounds,
    Poses,
    Steps,
    TextureEdge,
)
from workbench.spec.ledger import (
    EarlierCircuit,
    Ledger,
    LedgerName,
    TunedCircuit,
    TunedOn,
    UnitPose,
)
from workbench.spec.number import (
    ENTRIES,
    Channel,
    Name,
    Number,
    Pixels,
    Positive,
    Scale,
    Strict,
    numbers,
)
from workbench.spec.terms import PLACE_LENGTHS, Blob, Entry, Gabor, Pose, Reading, Table, Term

__all__ = [
    "BRANCHES",
    "COMPARISONS",
    "INPUT",
    "PLACE_LENGTHS",
    "Alike",
    "Blob",
    "Channel",
    "Claim",
    "EarlierCircuit",
    "Edit",
    "Entry",
    "Expect",
    "Family",
    "Gabor",
    "Ledger",
    "LedgerName",
    "Normalise",
    "Number",
    "Pixels",
    "PoolRule",
    "Pose",
    "PoseBounds",
    "Poses",
    "Positive",
    "Reading",
    "Scale",
    "Steps",
    "Strict",
    "Table",
    "Term",
    "TextureEdge",
    "Theory",
    "TunedCircuit",
    "TunedOn",
    "UnitPose",
    "Variant",
    "numbers",
]

INPUT = "input"
# Tags of the unions' branches. They appear in pydantic's locations and nowhere else.
BRANCHES = (
    *("(axes)", "(word)", "(kernel)", "(blob)", "(term)", "(weights)"),
    *("(number)", "(list)", "(pairs)", "(repeats)", "(samples)", "(texts)"),  # of tokens
)


class Theory(Strict):
    """A theory: families in order, each reading the picture or families above it.

    The last is `from-circuit`: it stands for host units.
    """

    theory: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    about: str = ""
    source: tuple[str, ...] = ()
    families: Annotated[dict[Name, Family], Field(min_length=1, max_length=ENTRIES)]
    variants: dict[Name, Variant] = Field(default={}, max_length=ENTRIES)
    claims: dict[Name, Claim] = Field(default={}, max_length=ENTRIES)
    tuned: TunedOn | None = None  # the content of the ledger that the file names
