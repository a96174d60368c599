"""Check a theory layer by layer in the trained network: a proof by induction."""
