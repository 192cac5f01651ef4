"""Benchmarks. Each script prints a table, compares things within one run, and can be run by anybody."""
