"""Whom the host has invited before, to something else, and who never answered any invitation of hers."""

from __future__ import annotations

from typing import Final

from django.db.models import Max, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from elonara.bluesky.graph.listing import PeoplePage, Wanted
from elonara.invitations.models import Invitation, State
from elonara.invitations.people import bounded_lists
from elonara.invitations.people.bounded_lists import ListedPerson
from elonara.invitations.people.ways import MAX_PEOPLE, Asked, Source, listed

KEY: Final = "unanswered"


def sources(asked: Asked) -> list[Source]:
    """The list, where there is anybody on it."""
    return listed(KEY, _("Invited before, never answered"), _asked(asked).values("invitee_did").distinct().count())


def page(asked: Asked, argument: str, wanted: Wanted) -> PeoplePage:  # noqa: ARG001
    """One page of them. Raises BadCursor."""
    latest = _asked(asked).values("invitee_did").annotate(latest=Max(Coalesce("sent_at", "queued_at")))
    newest = dict(latest.order_by("-latest", "invitee_did").values_list("invitee_did", "latest")[:MAX_PEOPLE])
    known = bounded_lists.in_graph(asked, newest)
    names = _names(asked, [did for did in newest if did not in known])
    people = [ListedPerson(did, at, *names.get(did, ("", "", ""))) for did, at in newest.items()]
    return bounded_lists.page(asked, people, known, wanted)


def without_answer(rows: QuerySet[Invitation]) -> QuerySet[Invitation]:
    """Those that may have been seen and are not answered."""
    # Of an event whose guests' data was deleted, nobody knows who answered: its invitations have no handles.
    return rows.filter(state__in=(State.SENT, State.HANDED_OVER), answer="").exclude(invitee_handle="")


def _asked(asked: Asked) -> QuerySet[Invitation]:
    mine = Invitation.objects.filter(host=asked.host)
    rows = without_answer(mine)
    if asked.target is not None:
        rows = rows.exclude(**asked.target.only)
    return rows.exclude(invitee_did__in=mine.exclude(answer="").values("invitee_did"))


def _names(asked: Asked, dids: list[str]) -> dict[str, list[str]]:
    """Name, handle and picture of each, as in the latest invitation."""
    if not dids:
        return {}
    rows = _asked(asked).filter(invitee_did__in=dids).order_by("queued_at", "rkey")
    columns = rows.values_list("invitee_did", "invitee_name", "invitee_handle", "invitee_avatar")
    return {did: names for did, *names in columns}
