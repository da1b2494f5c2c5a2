"""What comes in and what is decided, on its way to the journal and the tapes."""
