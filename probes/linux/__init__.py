"""Readers for Linux guests."""
