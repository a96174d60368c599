"""Analyses of theories of tokens, a folder each, behind the commands of `workbench.analyses`."""
