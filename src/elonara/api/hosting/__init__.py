"""Who runs an event or a community: co-hosts, and giving it to somebody else.

The rules are those of `elonara.events` and `elonara.communities`; the pages call the same actions. Roles of the members
of a community are not here.
"""
