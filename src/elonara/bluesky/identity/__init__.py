"""Who a member is on Bluesky: the DIDs that were proved, handles, names and pictures.

`identities` reads the stored rows, `profiles` reads the public AppView, `people` has a person as one member sees them.
Nothing here signs anybody in or links a DID to a member: that is `connections`.
"""
