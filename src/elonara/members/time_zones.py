"""IANA time zones: which names we take."""

from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones


@lru_cache(maxsize=1)
def zone_names() -> tuple[str, ...]:
    """Every zone a person may choose, sorted: `Area/City` and `UTC`."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    return (*sorted(name for name in available_timezones() if name.startswith(areas)), "UTC")


def is_zone(name: str) -> bool:
    """Whether the name is a time zone we take. Exact, case included."""
    return name in _known()


def zone(name: str) -> ZoneInfo:
    """The zone of that name, UTC where the name is empty or unknown (zones are renamed; pages must still open)."""
    return ZoneInfo(name) if is_zone(name) else ZoneInfo("UTC")


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(zone_names())
