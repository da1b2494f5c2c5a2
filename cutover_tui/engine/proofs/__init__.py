"""Proofs: intrusive probes that a person approved, and what they need on a guest."""
