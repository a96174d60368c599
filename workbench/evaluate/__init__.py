"""Runs conditions over pictures and streams statistics."""
