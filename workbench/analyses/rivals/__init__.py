"""Compare a theory with predictors without a theory, at equal description length."""
