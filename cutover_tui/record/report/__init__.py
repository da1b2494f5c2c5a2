"""The reports of a session: pure functions of journal and tapes."""
