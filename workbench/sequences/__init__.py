"""The wing of tokens: theories of transformers, from prompts to a score.

`language` and `files` hold theories and circuits, `rule` the rule for sequences, `compile` the
handwritten circuit, `parts` what is spliced, `score` the figures.
"""
