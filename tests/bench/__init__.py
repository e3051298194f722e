"""Benchmarks: CPU per operation as a ratio to a bare floor of the same minutes."""
