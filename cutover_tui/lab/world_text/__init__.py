"""The text of a world file: its amounts, what its keys mean, the rules across it, the runbook it names."""
