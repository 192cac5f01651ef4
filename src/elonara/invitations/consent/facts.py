"""What our own rows say about many people at once, in two queries however many people there are.

The picker asks it for every page, so what is spread over several tables comes in one statement: who opted out, who runs
the target, who has answered, the addresses of members, and which places of deleted invitations count for a person's
cap. Where one of them is a member with an address, two more ask what was said and sent by e-mail.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Case, CharField, DateField, F, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from elonara.compiled_queries import CompiledQuery
from elonara.events.models import Event
from elonara.invitations.account_models import PastInvitation
from elonara.invitations.consent import accounts, one_person, opt_outs
from elonara.invitations.consent.recipient_caps import WEEK, full_until
from elonara.invitations.models import Invitation
from elonara.invitations.opt_out_models import OptOut
from elonara.invitations.targets import Target, runner_rows, settled_rows
from elonara.members.models import Member

RUNS, SETTLED, PAST, ADDRESS = "runs", "settled", "past", "address:"
OUT_OF_SITE: Final = "opted_out_site"


@dataclass(frozen=True)
class Facts:
    """`outs`: DID → the code of the opt-out. `full`: DID → the day from which on a person may be invited again.

    `emailed`: DID → why an e-mail to an address of hers forbids another invitation.
    """

    outs: dict[str, str] = field(default_factory=dict)
    runners: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    invited: dict[str, Invitation] = field(default_factory=dict)  # the rows of the target
    emailed: dict[str, str] = field(default_factory=dict)
    full: dict[str, dt.date] = field(default_factory=dict)


def about(host: Member, target: Target | None, dids: Collection[str]) -> Facts:
    """The facts about these people for an invitation by this host to this target."""
    wanted, since = list(dids), timezone.now().date() - WEEK
    if not wanted:
        return Facts()
    keys = {accounts.key_of(did): did for did in wanted}
    kind, of = (target.kind, {"of": target.of.pk}) if target is not None else ("", {})
    found = Facts()
    addresses: dict[str, opt_outs.Hashes] = {}
    days: list[tuple[str, dt.date]] = []
    for what, who, day in _FACTS[kind].all(host=host.pk, since=since, wanted=wanted, keys=list(keys), **of):
        match what:
            case "past":
                days.append((keys[who], day))
            case "runs":
                found.runners.add(who)
            case "settled":
                found.settled.add(who)
            case _ if what.startswith(ADDRESS):
                addresses.setdefault(who, {}).update(opt_outs.hashes([what.removeprefix(ADDRESS)]))
            case _:
                found.outs[who] = max(what, found.outs.get(who, ""))  # the whole site before one host
    for row in _INVITED[kind].all(since=since, wanted=wanted, **of):
        if target is not None and getattr(row, f"{kind}_id") == target.of.pk:
            found.invited[row.invitee_did] = row
        elif row.counted_on is not None:
            days.append((row.invitee_did, row.counted_on))
    found.full.update(full_until(wanted, days))
    if addresses:
        _add_emailed(found, host, target, addresses)
    return found


def _add_emailed(found: Facts, host: Member, target: Target | None, addresses: Mapping[str, opt_outs.Hashes]) -> None:
    """What was said and sent by e-mail to the addresses of these people."""
    for did, code in opt_outs.addresses_opted_out_of(host, addresses).items():
        found.outs[did] = max(code, found.outs.get(did, ""))
    if target is not None and isinstance(target.of, Event):
        found.emailed.update(one_person.invited_by_email(target.of, addresses))


def _parts(kind: str, *, host: Any, since: Any, wanted: Any, keys: Any, of: Any = None) -> QuerySet[Any, Any]:
    """What is known of the people in one query; `kind` and `of`: the target, "" for none."""
    outs = OptOut.objects.filter(accounts.opt_outs_about(host), did__in=wanted)
    site = Case(When(account=None, host=None, then=Value(OUT_OF_SITE)), default=Value("opted_out_host"))
    past = PastInvitation.objects.filter(person__in=keys, for_person=True, counted_on__gt=since)
    parts = [
        _rows(past, Value(PAST), "person", F("counted_on")),
        _rows(outs, site, "did"),
        _rows(opt_outs.verified(wanted), Concat(Value(ADDRESS), F("email")), opt_outs.OWNER),
    ]
    if kind:
        rows, column = runner_rows(kind, of)
        parts.append(_rows(rows, Value(RUNS), column))
        parts += [_rows(rows, Value(SETTLED), column) for rows, column in settled_rows(kind, of, wanted)]
    return parts[0].union(*parts[1:], all=True)


def _rows(rows: QuerySet[Any], kind: Any, who: str, day: Any = None) -> QuerySet[Any, Any]:
    """Three columns: the kind, whom it is about, and a day."""
    return rows.order_by().values_list(
        Cast(kind, CharField()), Cast(F(who), CharField()), Cast(Value(None) if day is None else day, DateField())
    )


def _invited(here: Q, since: Any, wanted: Any) -> QuerySet[Invitation]:
    return Invitation.objects.filter(here | Q(counted_on__gt=since), invitee_did__in=wanted)


# Asked for every page of people to invite, where generating their SQL was a third of the work. By the kind of target.
_FACTS = {
    "": CompiledQuery(lambda host, since, wanted, keys: _parts("", host=host, since=since, wanted=wanted, keys=keys)),
    "event": CompiledQuery(
        lambda host, since, wanted, keys, of: _parts("event", host=host, since=since, wanted=wanted, keys=keys, of=of)
    ),
    "community": CompiledQuery(
        lambda host, since, wanted, keys, of: _parts(
            "community", host=host, since=since, wanted=wanted, keys=keys, of=of
        )
    ),
}
_INVITED = {
    "": CompiledQuery(lambda since, wanted: _invited(Q(pk=None), since, wanted)),
    "event": CompiledQuery(lambda since, wanted, of: _invited(Q(event=of), since, wanted)),
    "community": CompiledQuery(lambda since, wanted, of: _invited(Q(community=of), since, wanted)),
}
