"""Our use of Bluesky: who members are there, whom they know, and how their posts are written."""
