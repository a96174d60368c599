"""The arguments for a feature in the order in which "Curve Detectors" makes them (doi 10.23915/distill.00024.003), and which parts make each."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Argument:
    """One section of the page.

    says   what it asks, and what would be wrong if it failed
    shows  parts and the names of their pictures; "*" ends a name that stands for several
    told   the parts whose table stands below
    """

    anchor: str
    title: str
    says: str
    shows: tuple[tuple[str, str], ...]
    told: tuple[str, ...] = ()


ARGUMENTS = (
    Argument(
        "visualisation",
        "Feature visualisation",
        "Which picture drives a unit most? Made for the trained unit and for the handwritten one, from noise, with nothing assumed.",
        (("visualise", "visualise"),),
        ("visualise",),
    ),
    Argument(
        "examples",
        "Dataset examples",
        "What in photographs do the units answer to most, and on which pixels does the answer hang? Bright pixels are those that it hangs on. "
        "If the theory is right, the handwritten unit picks the same places for the same reason.",
        (("examples", "examples"),),
    ),
    Argument(
        "synthetic",
        "Synthetic examples",
        "Drawn stimuli leave out everything but what the theory names, such as direction, size, polarity and colour.",
        (("score", "tuning-*"),),
        ("layers",),
    ),
    Argument(
        "joint",
        "Joint tuning",
        "If the units are one feature turned, then a photograph that is turned moves the answer from one unit to the next, and one prototype does "
        "for all.",
        (("equivariance", "equivariance"),),
        ("equivariance",),
    ),
    Argument(
        "implementation",
        "Feature implementation",
        "The trained weights themselves, family by family, beside those that the theory writes.",
        (("explain", "explain"), ("score", "kernels-*")),
        ("explain",),
    ),
    Argument(
        "use",
        "Feature use",
        "Who listens? The units of the next layer that change most when these fall silent, and how much the handwritten units give back to them. "
        "And by weights: what the units that read these most read of each, in the order of the poses that they read.",
        (("examples", "consumers"), ("examples", "readers")),
        ("examples",),
    ),
    Argument(
        "handwritten",
        "The handwritten circuit",
        "Everything by hand, from pixels on, in place of the trained units, beside ablations and controls that should fail.",
        (("score", "ledger"),),
        ("score",),
    ),
    Argument(
        "induction",
        "Proof by induction",
        "If a unit hears what the theory says, does its trained weight compute what the theory claims of it? One assumption after another is "
        "discharged, back to the pixels.",
        (("induct", "induct"),),
        ("induct",),
    ),
    Argument(
        "claims",
        "Claims about edits",
        "What the theory predicts of edits, made in the trained network and by hand.",
        (("claims", "claims"),),
        ("claims",),
    ),
    Argument(
        "polysemanticity",
        "Polysemanticity",
        "Is this all that the units answer to? How much of their activation, at every level and not only at its top, the theory accounts for, and "
        "how much belongs to other kinds of stimuli.",
        (("polysemanticity", "polysemanticity"),),
        ("polysemanticity",),
    ),
    Argument(
        "residual",
        "What is left",
        "Where do trained and handwritten units differ, and what in the layer before goes with it? Fitted and judged on calibration pictures.",
        (("residual", "residual"),),
        ("residual",),
    ),
)
