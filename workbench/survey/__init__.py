"""Trained circuits found from behaviour: which units of a host belong to a family, and each one's pose."""

from workbench.survey.progress import shown
from workbench.survey.responses import Progress
from workbench.survey.survey import largest_gap_deg, moderate_sites, survey

__all__ = ["Progress", "largest_gap_deg", "moderate_sites", "shown", "survey"]
