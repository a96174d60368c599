"""One verb a file: the straight calls from the files that a command is given to those that it writes, as `workbench/rebuild.py` has them."""
