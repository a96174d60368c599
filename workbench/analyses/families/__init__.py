"""Match each family of a theory with the trained units that behave like it."""
