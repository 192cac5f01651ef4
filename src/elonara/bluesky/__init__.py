"""How this site uses Bluesky: who its members are there, whom they know, and how their posts are written.

Each folder is one story; the modules beside them (`models`, `network`, `refresh_lease`, `rate_budgets`, …) are what
the stories share. Events, communities and invitations are unknown here: floors above listen through `hooks`.
"""
