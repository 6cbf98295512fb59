"""Benchmarks of a msgd daemon, driven from outside over its own wire contract."""
