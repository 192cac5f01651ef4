"""Usernames for people who come with a Bluesky handle and never typed one."""

import re
import secrets
from collections.abc import Iterator

from elonara.members.models import Member

# Names that could be taken for the site's own staff.
RESERVED = frozenset(
    {
        "admin",
        "administrator",
        "api",
        "elonara",
        "help",
        "moderator",
        "official",
        "operator",
        "root",
        "security",
        "site",
        "staff",
        "support",
        "system",
    }
)
MAX_USERNAME_LENGTH = 60


def candidates(handle: str) -> Iterator[str]:
    """Endless usernames for a handle, the best first: `alice`, `alice.example.org`, `alice-2`, …"""
    handle = handle.strip().lstrip("@").lower()
    cleaned = re.sub(r"[^a-z0-9.-]+", "", handle).strip(".-")[:MAX_USERNAME_LENGTH]
    first = cleaned.split(".", maxsplit=1)[0]
    if not first or cleaned == "handle.invalid":
        while True:
            yield f"member-{secrets.token_hex(4)}"
    if len(first) > 1:
        yield first
    if cleaned != first:
        yield cleaned
    for number in range(2, 100):
        yield f"{first}-{number}"
    while True:
        yield f"{first}-{secrets.token_hex(4)}"


def free_username(handle: str) -> str:
    """The first candidate that is not reserved and that nobody has, ignoring case."""
    for candidate in candidates(handle):
        if candidate not in RESERVED and not Member.objects.filter(username__iexact=candidate).exists():
            return candidate
    raise RuntimeError("unreachable: candidates() is endless")
