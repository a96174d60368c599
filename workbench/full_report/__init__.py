"""The full report: every analysis of a theory on one page."""
