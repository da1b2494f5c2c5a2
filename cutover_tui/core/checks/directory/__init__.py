"""`ad.*` and `net.*`: the account, its records and the paths to its controllers."""
