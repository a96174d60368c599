"""Find trained circuits from behaviour: a family's units in a host, with their poses."""

from workbench.vision.survey.family import moderate_sites
from workbench.vision.survey.progress import shown
from workbench.vision.survey.survey import FAMILIES, NoneFoundError, largest_gap_deg, survey

__all__ = [
    "FAMILIES",
    "NoneFoundError",
    "largest_gap_deg",
    "moderate_sites",
    "shown",
    "survey",
]
