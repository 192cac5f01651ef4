"""Measurements: each script prints a table, compares within one run, and can be rerun by anybody."""
