"""Trained tables of scores and weights next to those of a theory of tokens."""
