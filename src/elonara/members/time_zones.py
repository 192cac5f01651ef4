"""The IANA time zones that people may choose."""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """All of them, sorted: `Area/City` names, then `UTC`."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return (*sorted(name for name in available_timezones() if name.startswith(areas)), "UTC")


def is_zone(name: str) -> bool:
    """Whether the name is one of them, exactly and case-sensitively."""
    return name in _known()


def zone(name: str) -> ZoneInfo:
    """The zone of that name; UTC where it is empty or unknown, so that pages still open when a zone was renamed."""
    return ZoneInfo(name) if is_zone(name) else ZoneInfo("UTC")


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(zone_names())
