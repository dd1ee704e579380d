"""Benchmarks by name; each loads as `load(path, limit) -> list[Question]`."""

BENCHMARKS = {}
