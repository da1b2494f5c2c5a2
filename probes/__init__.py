"""What touches a guest or a reference: transports, samplers, and readers with pure parsers."""
