"""Tells from the state of a drawn world what must come out, and asks nobody."""
