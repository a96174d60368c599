"""The sections of the full report's page, in the order of "Curve Detectors".

The article is doi 10.23915/distill.00024.003. The sections of analyses come from their registry.
"""

from workbench.analyses.registry import ANALYSES, Section

HANDWRITTEN = Section(
    70,
    "handwritten",
    "The handwritten circuit",
    "Weights compiled from the theory, from the pixels on, in place of the trained units, next to "
    "ablations, baselines and controls that should fail.",
    (("score", "ledger"),),
    ("score",),
)

SUMMARY = Section(
    0,
    "headline",
    "Headline",
    "Does the handwritten circuit do better than what needs no theory?",
    (("score", "summary"),),
)


def sections() -> list[Section]:
    """All sections, in their order on the page."""
    rows = [section for row in ANALYSES for section in row.sections]
    return sorted([HANDWRITTEN, *rows], key=lambda section: section.place)
