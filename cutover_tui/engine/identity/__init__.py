"""What the identity screen shows, computed from state and logs."""
