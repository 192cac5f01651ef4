"""Who came to earlier events of the host: answered Going, and it is over; and the people of the one she does again."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F, Max, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext

from elonara.bluesky.graph.listing import PeoplePage, Wanted
from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.graph.search import MAX_FIRST
from elonara.bluesky.identity.people import Person
from elonara.compiled_queries import CompiledQuery
from elonara.events import queries as events
from elonara.events.models import Event, Rsvp
from elonara.invitations.consent import eligibility
from elonara.invitations.consent.relay_audience import own_dids
from elonara.invitations.models import Invitation
from elonara.invitations.people import bounded_lists, stored
from elonara.invitations.people.bounded_lists import ListedPerson
from elonara.invitations.people.unanswered import without_answer
from elonara.invitations.people.ways import MAX_PEOPLE, Asked, Source, listed
from elonara.members.models import Member

KEY: Final = "came"
_LAST_TIME: Final = "again"
# The guests of the event that this one repeats, and who was invited to it and has not answered.
LAST_TIME: Final = f"{KEY}:{_LAST_TIME}"
_NOT_COMING: Final = (Rsvp.Choice.CANT, Rsvp.Choice.REFUSED)
# Why somebody is still on the list: as long as the host's graph is not read, this is so of everybody.
_NOT_KNOWN_YET: Final = "view_unknown"


# The people of a list, and those of them who are in the host's graph.
type _Listed = tuple[list[ListedPerson], dict[str, KnownPerson]]


def sources(asked: Asked) -> list[Source]:
    """The list, where anybody came."""
    return listed(KEY, gettext("Came to an earlier event"), _going(asked.host).values("who").distinct().count())


def last_time(asked: Asked) -> list[Source]:
    """The people of the event that this one repeats, where there are any: the first list."""
    event = _repeated(asked) if asked.graph is not None else None
    found = _to_invite_again(asked, event)[0] if event is not None else []
    return [Source(LAST_TIME, gettext("From last time"), len(found), main=True)] if found else []


def page(asked: Asked, argument: str, wanted: Wanted) -> PeoplePage:
    """One page of those who came. Raises BadCursor."""
    if argument == _LAST_TIME:
        event = _repeated(asked)
        people, known = _to_invite_again(asked, event) if event is not None else ([], {})
    else:
        people, known = _people(asked, _going(asked.host))
    return bounded_lists.page(asked, people, known, wanted)


def first(host: Member) -> list[str]:
    """The DIDs of those who came last: a search puts them above the others."""
    now = timezone.now()
    found = _FIRST.all(host=host.pk, now=now, began=now - events.DEFAULT_DURATION, own=_no_guests(host))
    return [did for did, _ in found]


def _repeated(asked: Asked) -> Event | None:
    """The event that the target repeats, if the host still runs it."""
    target = asked.target.of if asked.target is not None else None
    event = target.repeats if isinstance(target, Event) else None
    return event if event is not None and events.may_manage(event, asked.host) else None


def _to_invite_again(asked: Asked, event: Event) -> _Listed:
    """Who answered an event, and who was invited to it and has not yet.

    Without those who said no, who cannot be invited to this one, or who want no invitations.
    """
    answered = Rsvp.objects.filter(event=event)
    people, known = _people(
        asked, _known_by_did(answered.exclude(choice__in=_NOT_COMING), asked.host, _no_guests(asked.host))
    )
    silent = _silent(event, [one.did for one in people], answered)
    known |= bounded_lists.in_graph(asked, [one.did for one in silent])
    people = [*people, *silent][:MAX_PEOPLE]
    whole = stored.people(asked.host.pk, list(known))
    guests = [whole.get(one.did) or Person(one.did, one.handle, one.name, known=False) for one in people]
    refused = eligibility.refusals(
        asked.host, asked.target, {one.did: one for one in bounded_lists.as_strangers(asked.graph, guests)}
    )
    wanted = [one for one in people if one.did not in refused or refused[one.did].code == _NOT_KNOWN_YET]
    return wanted, known


def _silent(event: Event, listed_already: list[str], answered: QuerySet[Rsvp]) -> list[ListedPerson]:
    """Who has an invitation to the event and has not answered, by it or otherwise."""
    rows = without_answer(Invitation.objects.filter(event=event))
    spoke = _with_did(answered).values("who")
    rows = rows.exclude(invitee_did__in=spoke).exclude(invitee_did__in=listed_already).order_by("-queued_at", "pk")
    columns = rows.values_list("invitee_did", "queued_at", "invitee_name", "invitee_handle", "invitee_avatar")
    return [ListedPerson(*values) for values in columns[:MAX_PEOPLE]]


def _going(host: Member) -> Any:  # the queryset of an annotation has no name to django-stubs
    now = timezone.now()
    return _going_to(events.hosted_and_over(host, now, now - events.DEFAULT_DURATION), host, _no_guests(host))


def _going_to(over: QuerySet[Event], host: Any, own: Any) -> Any:
    rows = Rsvp.objects.filter(event__in=over.values("pk"), choice=Rsvp.Choice.GOING)
    return _known_by_did(rows, host, own)


def _known_by_did(rows: QuerySet[Rsvp], host: Any, own: Any) -> Any:
    """Answers of others, each with `who`, a DID. A member's answer counts under the one that they have linked.

    `own`: those of `_no_guests`.
    """
    return _with_did(rows.exclude(member=host)).exclude(who__in=own)


def _with_did(rows: QuerySet[Rsvp]) -> Any:
    return rows.annotate(who=Coalesce(F("member__bluesky__bsky_did"), F("did")))


def _no_guests(host: Member) -> list[str]:
    """What is no DID of a guest: none at all, and the host's own."""
    return ["", *own_dids(host)]


def _newest(rows: Any) -> Any:
    """(DID, start of the latest event), the latest first."""
    latest = rows.values("who").annotate(latest=Max("event__starts_at"))
    return latest.order_by("-latest", "who").values_list("who", "latest")


# Asked for every search while she types.
_FIRST = CompiledQuery(
    lambda host, now, began, own: _newest(_going_to(events.hosted_and_over(host, now, began), host, own))[:MAX_FIRST]
)


def _people(asked: Asked, rows: Any) -> _Listed:
    came = dict(_newest(rows)[:MAX_PEOPLE])
    known = bounded_lists.in_graph(asked, came)
    names = _names(rows, [did for did in came if did not in known])
    return [ListedPerson(did, at, *names.get(did, ("", "", ""))) for did, at in came.items()], known


def _names(rows: Any, dids: list[str]) -> dict[str, tuple[str, str, str]]:
    """Name, handle and picture of each, as the latest answer or the member's own account has them."""
    if not dids:
        return {}
    latest = rows.filter(who__in=dids).order_by("answered_at", "pk").select_related("member__bluesky")
    found = {}
    for row in latest:
        identity = getattr(row.member, "bluesky", None) if row.member else None
        name = row.member.name if row.member else row.name
        handle, avatar = (identity.bsky_handle, identity.avatar_url) if identity else (row.handle, "")
        found[row.who] = (name, handle, avatar)
    return found
