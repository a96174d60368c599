"""Exported networks: copies of a host with a handwritten circuit in their own weights."""
