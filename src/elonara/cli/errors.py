"""What a command says when it will not or cannot do what was asked."""


class CommandRefused(Exception):
    """One line for the operator, with the way on. The exit status is 1."""
