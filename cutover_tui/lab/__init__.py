"""The lab: a simulated world behind real doors, for demo, drills and tests."""
