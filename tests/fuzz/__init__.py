"""Stateful fuzzing of the API by schemathesis, as `script/fuzz` calls it; a small sample runs in tests/unit/api.

A scenario is a chain of calls: what one answers (a slug, an id) goes into the next. Every answer must be below 500 and
match the OpenAPI schema that the site serves.
"""
