"""Draws worlds and judges nothing."""
