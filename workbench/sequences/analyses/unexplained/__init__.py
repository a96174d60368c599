"""What a theory of tokens leaves: heads, terms of their scores, and units outside the theory."""
