"""Universality."""
