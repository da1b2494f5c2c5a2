"""The tools a guest has, by name. Each is implemented from the real one's documentation and output."""
