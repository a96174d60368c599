"""Sequences: prompts of tokens, and surveys of what neurons and heads do with them."""
