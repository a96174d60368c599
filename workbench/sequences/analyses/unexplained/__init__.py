"""The rest that a theory of tokens leaves: heads, terms of scores, units outside the theory."""
