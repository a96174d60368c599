"""Theories of transformers as numbers in the network's own tensors.

`parts` is where to start reading: it puts parts of level "weights" beside those of level "score".
Each kind of compilation is one file: `whole`, `query_key`, `rotary`,
`output_value`.
"""
