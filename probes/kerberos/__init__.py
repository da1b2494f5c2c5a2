"""What a KDC says, and the numbers of its protocol."""
