"""Splices: the host with other values for some of its units.

Ablations, controls and handwritten circuits are splices of the same kind.
"""
