"""Tools over files: looking for them, into them, making and removing them; and `timeout`, which limits a tool."""
