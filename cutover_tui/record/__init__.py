"""The record: events, journal, tapes, the fold, the audit and the report."""
