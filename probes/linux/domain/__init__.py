"""Readers of a Linux guest's membership of a domain."""
