"""Host + values for some of its units -> spliced network. Ablations, controls and handwritten circuits are splices of the same kind."""
