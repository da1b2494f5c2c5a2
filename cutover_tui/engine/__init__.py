"""The engine: the session, its port, and the probe loop."""
