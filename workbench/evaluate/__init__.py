"""Conditions run over pictures, and their statistics."""
