"""What is asked or said over a screen. Default is always to leave things as they are."""
