"""Fits what a spec marks `tune`, by gradient through the compiler."""
