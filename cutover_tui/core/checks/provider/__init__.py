"""`time.provider`: who keeps a guest's clock, by provider."""
