"""Whom a member knows: `BlueskyGraphService` reads followers, follows and relations with her own OAuth session.

Profiles are cached for a while (`actor_views`) and deleted on Disconnect. A stored
graph and its search belong here, too; an app-password session is never used for reading.
"""
