"""Own widgets on the Line API."""
