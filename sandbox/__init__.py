"""A real local AT Protocol network for demos and tests."""
