"""Tools of time services."""
