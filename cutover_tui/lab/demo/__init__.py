"""The incident the demo shows."""
