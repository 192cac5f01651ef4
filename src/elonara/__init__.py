"""Elonara: a self-hosted site for events and communities."""
