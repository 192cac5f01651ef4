"""The errors of commands."""


class CommandRefused(Exception):
    """The command cannot do what was asked. The message is one line that says what to do; the exit status is 1."""


class DatabaseAway(Exception):
    """The database cannot be used. The message is one line that contains its own words, and says what to do."""
