"""Propose theories of all units of a site at once, from behaviour and by search."""
