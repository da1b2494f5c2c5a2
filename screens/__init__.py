"""Textual screens of cutover; they know the session only through its port."""
