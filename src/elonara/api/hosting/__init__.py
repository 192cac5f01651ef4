"""Who runs an event or a community: co-hosts, giving it to somebody else, and the people of a community.

The rules are those of `elonara.events` and `elonara.communities`; the pages call the same actions. Roles of the members
of a community are read here, and changed on pages alone.
"""
