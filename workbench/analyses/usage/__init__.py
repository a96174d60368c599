"""Usage: pictures that activate a circuit, and units of the next site that use it."""
