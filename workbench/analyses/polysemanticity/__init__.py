"""Polysemanticity."""
