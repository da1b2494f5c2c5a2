"""Readers of a Linux guest's time."""
