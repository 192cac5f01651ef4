"""Which day it is for a host's caps: the date in the time zone of her sending account.

A day's share is used up until that day is over, in whatever zone the host says she is meanwhile. So a new zone holds
from the next day that has begun in neither zone, and until the old zone has reached that day its dates go on. East of
the old zone that day is short, west of it the day before is long; no day comes twice, and none gives a second share.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction
from django.utils import timezone

from elonara.invitations.account_models import SendingAccount
from elonara.invitations.consent import accounts
from elonara.members.models import Member
from elonara.members.time_zones import zone

DAY = dt.timedelta(days=1)
DAY_STARTS_AT = dt.time(9)  # in the host's time zone


def today(host: Member, now: dt.datetime | None = None) -> dt.date:
    """The date that the host's invitations count for now."""
    return today_of(accounts.find(host), host, now)


def today_of(account: SendingAccount | None, host: Member, now: dt.datetime | None = None) -> dt.date:
    """The same, where her account was read already."""
    return _today(account, host, now or timezone.now())


def start_of_day(host: Member, day: dt.date) -> dt.datetime:
    """When the posts of a later day start, in the host's time zone."""
    account = accounts.find(host)
    if account is None or not account.zone:
        return dt.datetime.combine(day, DAY_STARTS_AT, tzinfo=zone(host.timezone))
    if not account.next_zone or account.zone_from is None or day < account.zone_from:
        return dt.datetime.combine(day, DAY_STARTS_AT, tzinfo=zone(account.zone))
    start = dt.datetime.combine(day, DAY_STARTS_AT, tzinfo=zone(account.next_zone))
    # The first day in a zone to the east begins when the old zone reaches it, which may be after nine.
    return max(start, dt.datetime.combine(day, dt.time(), tzinfo=zone(account.zone)))


def first_week_until(host: Member) -> dt.date:
    """The day after the account's first week."""
    return first_week_of(accounts.find(host), host)


def first_week_of(account: SendingAccount | None, host: Member) -> dt.date:
    """The same, where her account was read already."""
    began = account.began_at if account else host.date_joined
    return began.astimezone(zone(account.zone if account and account.zone else host.timezone)).date() + 7 * DAY


def settle(account: SendingAccount, wanted: str) -> None:
    """Store which zone holds from which day on, as the host has this one in her profile now. Under `accounts.lock`."""
    now, name = timezone.now(), zone(wanted).key
    before = (account.zone, account.next_zone, account.zone_from)
    if not account.zone:
        account.zone = name
    if (
        account.next_zone
        and account.zone_from
        and all(_date(now, one) >= account.zone_from for one in (account.zone, account.next_zone))
    ):
        account.zone, account.next_zone, account.zone_from = account.next_zone, "", None
    if name == account.zone:
        account.next_zone, account.zone_from = "", None
    elif name != account.next_zone:
        account.next_zone = name
        account.zone_from = max(_date(now, account.zone), _date(now, name)) + DAY
    if before != (account.zone, account.next_zone, account.zone_from):
        account.save(update_fields=["zone", "next_zone", "zone_from"])


def member_saved(sender: Any, instance: Member, created: bool, update_fields: Any = None, **_: Any) -> None:  # noqa: ARG001
    """A listener: the profile, and with it perhaps the time zone, was saved."""
    if created or (update_fields is not None and "timezone" not in update_fields):
        return
    account = accounts.find(instance)
    if account is None or not account.zone:
        return
    with transaction.atomic():
        settle(accounts.lock(instance), instance.timezone)


def _today(account: SendingAccount | None, host: Member, now: dt.datetime) -> dt.date:
    if account is None or not account.zone:
        return _date(now, host.timezone)
    day = _date(now, account.zone)
    if account.next_zone and account.zone_from and day >= account.zone_from:
        return max(_date(now, account.next_zone), account.zone_from - DAY)
    return day


def _date(now: dt.datetime, name: str) -> dt.date:
    return now.astimezone(zone(name)).date()
