"""Equivariance of neurons that read numbers."""
