"""What each check declares: spec, bounds, readers and the function that judges; one file a family."""
