"""Who belongs to a community: the list of its people, a page at a time. Roles and joining are in `memberships`."""
