"""What the invited person does: answer, opt out, report. The callers have proved her DID."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext

from elonara.bluesky.models import MemberIdentity
from elonara.communities import memberships
from elonara.communities.models import Membership
from elonara.events.guests import rsvps
from elonara.events.models import Rsvp
from elonara.invitations import states
from elonara.invitations.consent import accounts, breakers
from elonara.invitations.job_kinds import wake_lane
from elonara.invitations.models import ON_ITS_WAY, Invitation, State
from elonara.invitations.opt_out_models import OptOut, RelayConsent, Report
from elonara.invitations.outbox import outcomes
from elonara.invitations.responses.reports import MAX_REPORTS_BY_STRANGERS, tell_operators
from elonara.invitations.results import InvitationRefused
from elonara.invitations.states import Transition
from elonara.members.models import Member

CHOICES = {"going", "maybe", "cant"}
JOINING = {"going", "joined"}
DECLINING = {"cant", "declined"}


def may_have_been_seen() -> Q:
    """Rows whose post may have been seen by somebody, and its link with it."""
    return Q(state__in=states.POSSIBLY_SEEN) | Q(ambiguous=True)


def respond(
    ref: str,
    did: str,
    handle: str,
    name: str,
    choice: str,
    *,
    plus_ones: int | None = None,
    note: str | None = None,
    answers: Mapping[str, Any] | None = None,
    online: bool = False,
) -> Rsvp | Membership | None:
    """Answer for the invited person, who proved `did`. None where she does not join a community.

    `choice`: going, maybe or cant; for a community going (joins) or cant. Raises InvitationRefused (wrong_person,
    withdrawn, unknown_choice), members.errors.NotAllowed (the event is over, …) and Invalid (plus_ones, note).
    """
    row = _by_ref(ref)
    if row.invitee_did != did:
        raise InvitationRefused("wrong_person")
    identity = MemberIdentity.objects.filter(bsky_did=did).select_related("member").first()
    member = identity.member if identity else None
    kept: Rsvp | Membership | None
    if row.event is not None:
        if choice not in CHOICES:
            raise InvitationRefused("unknown_choice", field_name="choice")
        kept = rsvps.respond(
            row.event, choice=choice, member=member, did=did, handle=handle, name=name, plus_ones=plus_ones,
            note=note, answers=answers, online=online, invited=True,
        )  # fmt: skip
        answer = choice
    elif row.community is not None and choice in JOINING:
        kept = memberships.join(
            row.community, member=member, did=did, handle=handle, name=name, invited=True, invited_at=row.queued_at
        )
        answer = "joined"
    elif choice in DECLINING:
        kept, answer = None, "declined"
    else:
        raise InvitationRefused("unknown_choice", field_name="choice")
    Invitation.objects.filter(pk=row.pk).update(answer=answer, answered_at=timezone.now())
    return kept


def opt_out(did: str, host: Member | None = None) -> None:
    """Opt out of invitations from this host or (None) from the whole site. Unsent posts to the person end at once."""
    with transaction.atomic():
        account = accounts.lock(host) if host is not None else None
        if not OptOut.objects.filter(did=did, account=account).exists():
            OptOut.objects.get_or_create(did=did, host=host, defaults={"account": account})
        rows = Invitation.objects.select_for_update(of=("self",)).filter(invitee_did=did, state__in=ON_ITS_WAY)
        if host is not None:
            rows = rows.filter(host__in=accounts.members_of(host))
        code = "opted_out_host" if host is not None else "opted_out_site"
        for row in rows.select_related("host", "event", "community"):
            if row.ambiguous or row.state == State.SENDING:
                # It may exist or be written at this moment: undo it.
                outcomes.take_back(row, code)
            else:
                outcomes.end(row, Transition.SUPPRESS, code)
            wake_lane(row.author_did)
    breakers.after_opt_out(did, host)


def opt_in_again(did: str, host: Member | None = None) -> None:
    """Withdraw an opt-out from this host or (None) from the whole site."""
    about = Q(host=None, account=None) if host is None else Q(host=host) | Q(account__holders__member=host)
    OptOut.objects.filter(pk__in=OptOut.objects.filter(about, did=did).values("pk")).delete()


def withdraw_opt_out(row: OptOut) -> None:
    """The same for a stored one, whose host may have been deleted."""
    opt_outs = OptOut.objects.filter(did=row.did)
    (opt_outs.filter(account=row.account_id) if row.account_id else opt_outs.filter(pk=row.pk)).delete()


def relay_opt_in(did: str) -> None:
    """Allow the relay (the site's own account) to mention this person."""
    RelayConsent.objects.get_or_create(did=did)


def relay_opt_out(did: str) -> None:
    """Withdraw that."""
    RelayConsent.objects.filter(did=did).delete()


def report(ref: str, did: str, text: str) -> None:
    """Report an invitation to the operators. `did`: "" where none was proved. Raises InvitationRefused (withdrawn).

    A proved DID has one open report, which a later one replaces. Reports without one may all be of one person, so only
    `MAX_REPORTS_BY_STRANGERS` are kept open.
    """
    row, text = _by_ref(ref), text.strip()[:1000]
    with transaction.atomic():
        Invitation.objects.select_for_update().get(pk=row.pk)
        still_open = Report.objects.filter(invitation=row, reporter_did=did, handled_at=None)
        if did and still_open.update(text=text, created_at=timezone.now()):
            return
        if not did and still_open.count() >= MAX_REPORTS_BY_STRANGERS:
            return
        Report.objects.create(invitation=row, reporter_did=did, text=text)
    tell_operators(gettext("Someone reported an invitation from {host}.").format(host=row.host.name))


def _by_ref(ref: str) -> Invitation:
    row = (
        Invitation.objects.filter(may_have_been_seen(), ref=ref)
        .select_related("host__bluesky", "event__community", "community", "batch")
        .first()
    )
    if row is None:
        raise InvitationRefused("withdrawn")
    return row
