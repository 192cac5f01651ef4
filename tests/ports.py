"""Ports for servers that a test starts in a process of their own, or that must not exist."""

import secrets
import socket

# Below the ports that systems give to outgoing connections (Linux: 32768 and up; macOS and IANA: 49152 and up). One of
# those that is free now can belong to any connection by the time the server listens.
FIRST, LAST = 20_000, 32_000


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on: any, so that runs side by side take different ones."""
    while True:
        # Not of `random`: where a seed is set for all processes of a run, they would all be given the same ports.
        port = FIRST + secrets.randbelow(LAST - FIRST)
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
