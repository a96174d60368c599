"""Universality of theories of tokens."""
