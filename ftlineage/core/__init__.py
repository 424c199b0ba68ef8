"""Values only: no file, clock, network or environment access in this package."""
