"""Plays worlds: a scripted engineer, a real session, and what came out."""
