"""Trained circuits found from behaviour: which units of a host belong to a family, and each one's pose."""

from workbench.survey.family import moderate_sites
from workbench.survey.progress import shown
from workbench.survey.responses import Progress
from workbench.survey.survey import FAMILIES, NoneFoundError, largest_gap_deg, survey

__all__ = ["FAMILIES", "NoneFoundError", "Progress", "largest_gap_deg", "moderate_sites", "shown", "survey"]
