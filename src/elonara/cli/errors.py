"""The error of a command."""


class CommandRefused(Exception):
    """The command cannot do what was asked. The message is one line that says what to do; the exit status is 1."""
