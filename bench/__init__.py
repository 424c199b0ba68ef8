"""Benchmarks: ours beside peers and the physical floor, in one run."""
