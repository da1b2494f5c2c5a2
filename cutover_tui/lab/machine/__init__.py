"""A simulated machine: its clock, daemons, packages, platform and operating system. State only."""
