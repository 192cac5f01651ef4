"""Inviting people on Bluesky: posts that are fixed as rows first and delivered by workers after."""
