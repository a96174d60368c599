"""The registry of analyses: one row for each feeds the command line, the full report and the docs.

The row NAME stands for the folder `workbench/analyses/NAME/`:

    command.py   the command `workbench NAME`, a click command called NAME
    part.py      the analysis as a part of the full report: `part(request, folder, work)`
    run.py       the same from Python: `NAME(request, output, work)`

and for the page `docs/NAME.md`. Nothing heavy is imported here: what a row names is loaded when it
is used.
"""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

CIRCUIT, NETWORKS = "Understand a circuit", "Across networks"  # sections of `workbench --help`


@dataclass(frozen=True)
class Section:
    """A section of the full report's page.

    place     where it stands among the others, the smallest number first
    anchor    its name in the page's address
    title     its heading
    question  what it asks, and what would be wrong if the answer were no
    pictures  (part, name of a picture) in the order in which they stand; "*" ends a name that
              stands for several
    tables    the parts whose table stands below them
    """

    place: int
    anchor: str
    title: str
    question: str
    pictures: tuple[tuple[str, str], ...]
    tables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Analysis:
    """One analysis.

    name      of its folder, its command, its page in docs and its part of the full report
    summary   what it answers, in at most 60 characters
    help      the section of `workbench --help` that its command stands in; None without a command
    sections  its sections of the full report; none where it is no part of it
    """

    name: str
    summary: str
    help: str | None = CIRCUIT
    sections: tuple[Section, ...] = ()

    def module(self, name: str) -> ModuleType:
        """One of the modules of its folder, such as "command"."""
        return import_module(f"workbench.analyses.{self.name}.{name}")


ANALYSES = (
    Analysis("frontier", "Replace more and more of a network, theory by theory"),
    Analysis("propose", "Find by search what a theory's last family, or a site, reads"),
    Analysis(
        "rivals",
        "Compare a theory with predictors at equal description length",
        sections=(
            Section(
                75,
                "rivals",
                "Rivals at equal bits",
                "Is the theory worth its numbers? It and predictors without a theory are counted "
                "in bits by one rule. The rivals read the trained units of the layer before; the "
                "theory starts from pixels.",
                (("rivals", "rivals"),),
                ("rivals",),
            ),
        ),
    ),
    Analysis(
        "families",
        "Find the trained units that each family of a theory matches",
        sections=(
            Section(
                30,
                "synthetic",
                "Synthetic examples",
                "Drawn stimuli leave out everything but what the theory names, such as direction, "
                "size, polarity and colour.",
                (("score", "tuning-*"),),
                ("families",),
            ),
        ),
    ),
    Analysis(
        "explain",
        "Compare the theory's weights with the trained weights",
        sections=(
            Section(
                50,
                "implementation",
                "Feature implementation",
                "The trained weights themselves, family by family, next to those that the theory "
                "compiles to.",
                (("explain", "explain"), ("score", "kernels-*")),
                ("explain",),
            ),
        ),
    ),
    Analysis(
        "equivariance",
        "Measure how far the trained units are rotated copies",
        sections=(
            Section(
                40,
                "joint",
                "Joint tuning",
                "If the units are one feature in several rotations, then a rotated photograph "
                "moves the response from one unit to the next, and one prototype fits all units.",
                (("equivariance", "equivariance"),),
                ("equivariance",),
            ),
        ),
    ),
    Analysis(
        "stepwise",
        "Check the theory layer by layer in the trained network",
        sections=(
            Section(
                80,
                "stepwise",
                "Proof by induction",
                "If a unit's inputs are what the theory states, do its trained weights compute "
                "what the theory states of the unit? Assumptions are removed one after another, "
                "back to the pixels.",
                (("stepwise", "stepwise"),),
                ("stepwise",),
            ),
        ),
    ),
    Analysis(
        "claims",
        "Test what the theory predicts about edits of the circuit",
        sections=(
            Section(
                90,
                "claims",
                "Claims about edits",
                "Edits that the theory makes predictions about, made in the trained network and "
                "in the handwritten circuit.",
                (("claims", "claims"),),
                ("claims",),
            ),
        ),
    ),
    Analysis(
        "polysemanticity",
        "Measure how much of each unit the theory accounts for",
        sections=(
            Section(
                100,
                "polysemanticity",
                "Polysemanticity",
                "Do the units respond to anything else? How much of their activation, at every "
                "level and not only at the top, the theory accounts for, and how much belongs to "
                "other kinds of stimuli.",
                (("polysemanticity", "polysemanticity"),),
                ("polysemanticity",),
            ),
        ),
    ),
    Analysis(
        "unexplained",
        "Find where trained and handwritten units differ, and why",
        sections=(
            Section(
                110,
                "unexplained",
                "What is left unexplained",
                "Where do trained and handwritten units differ, and which units of the layer "
                "before would explain it? Fitted and judged on calibration pictures.",
                (("unexplained", "unexplained"),),
                ("unexplained",),
            ),
        ),
    ),
    Analysis(
        "visualise",
        "Make the picture that activates each unit most",
        sections=(
            Section(
                10,
                "visualisation",
                "Feature visualisation",
                "Which picture activates a unit most? Made for the trained unit and for the "
                "handwritten one, from noise, without any assumption.",
                (("visualise", "visualise"),),
                ("visualise",),
            ),
        ),
    ),
    Analysis(
        "usage",
        "Show the pictures and the next layer's units that use a unit",
        help=None,
        sections=(
            Section(
                20,
                "examples",
                "Dataset examples",
                "Where in photographs do the units respond most, and to which pixels there? "
                "Bright pixels matter most. If the theory is right, the handwritten unit picks "
                "the same places for the same reason.",
                (("usage", "examples"),),
            ),
            Section(
                60,
                "use",
                "Feature use",
                "Which units of the next layer use these units? The units that change most when "
                "these are ablated, and how much of that the handwritten units restore. By "
                "weights: which pose is read by the units that depend on these most.",
                (("usage", "consumers"), ("usage", "readers")),
                ("usage",),
            ),
        ),
    ),
    Analysis("universality", "Survey and score one theory on many networks", help=NETWORKS),
    Analysis("diff", "Compare the units of one family in two networks", help=NETWORKS),
)


def analysis(name: str) -> Analysis:
    """The row of that name. Raises KeyError."""
    return {row.name: row for row in ANALYSES}[name]
