"""A real local AT Protocol network for demos and tests: `python -m sandbox`, or `sandbox.network.start()`."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """The command `elonara sandbox`; returns the exit status."""
    from sandbox import command  # noqa: PLC0415 - the supervisor starts faster without the command's imports

    return command.main(argv)
