"""The JSON API, version 1: the same actions as the pages, for other programs."""
