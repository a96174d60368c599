"""Claims of theories of tokens: predicted effects of edits, and their outcomes."""
