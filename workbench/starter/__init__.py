"""The files that `workbench new` writes."""
