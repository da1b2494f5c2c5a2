"""cutover: a migration runbook that refuses to be marked done until identity continuity is measured."""

__version__ = "0.1.0"
