"""Checks by family, and their registry."""
