"""What the clock screen shows, kept as samples come."""
