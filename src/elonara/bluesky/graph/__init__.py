"""Whom a member knows: `BlueskyGraphService` reads followers, follows and relations with her own OAuth session.

What Bluesky said about a person is kept for a while with its age (`actor_views`) and goes on Disconnect. A stored
graph and its search belong here, too; an app-password session is never used for reading.
"""
