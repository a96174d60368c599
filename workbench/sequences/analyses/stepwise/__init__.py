"""The steps of a theory of tokens, alone in the trained network and one after the other."""
