"""`/i/{ref}`: one invitation, opened from Bluesky. The URL is public in the post; acting needs a proof of the DID."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from elonara.bluesky.identity import identities
from elonara.communities.models import Community
from elonara.events import location
from elonara.events.guests import rsvps
from elonara.events.guests.guest_list import SHOWN_TO_GUESTS
from elonara.events.models import Event
from elonara.invitations import actions, queries
from elonara.invitations.guest_emails.told import told_to
from elonara.invitations.models import Invitation, State
from elonara.invitations.targets import Target
from elonara.members.errors import Invalid, NotAllowed
from elonara.web.authorization import prove_for
from elonara.web.invitations import pending_actions, reporting
from elonara.web.invitations.preferences import preferences_of
from elonara.web.parts import template_tags
from elonara.web.parts.answer_forms import AnswerForm
from elonara.web.parts.places import places_of, shown_answer
from elonara.web.parts.sharing import calendars, ready_text, shared_preview
from elonara.web.proofs import Proof, end_offer, forget, keepable, proofs
from elonara.web.shortcuts import add_form_errors, member_of, safe_next, show_message


def _target(invitation: Invitation) -> Event | Community:
    target = invitation.event or invitation.community
    if target is None:
        raise ValueError("an invitation is to an event or a community")
    return target


def _visible(request: HttpRequest, ref: str, *, to_its_host: bool = False) -> Invitation | None:
    """The invitation; None where there is none, or the viewer has not proved to be the invitee and it is not public.

    `to_its_host`: the host who sent it sees it, too, but can do nothing with it.
    """
    invitation = queries.by_ref(ref)
    if invitation is None or invitation.invitee_did in proofs(request):
        return invitation
    if to_its_host and _is_its_host(request, invitation):
        return invitation
    target = Target(_target(invitation))
    return None if target.is_private or target.is_withheld else invitation


def _is_its_host(request: HttpRequest, invitation: Invitation) -> bool:
    """Whether the viewer sent it, and may still invite: who hosts no longer sees no more than others."""
    member = member_of(request)
    return member is not None and member.pk == invitation.host_id and Target(_target(invitation)).may_invite(member)


def _hidden(request: HttpRequest, ref: str) -> HttpResponse:
    """404 for unknown and private alike, byte for byte, so that a ref does not reveal whether it exists."""
    known = list(proofs(request).values())
    context = {"ref": ref, "known": known, "handles": _(" and ").join(map(_account, known))}
    return render(request, "invitation/hidden.html", context, status=404)


def _account(proof: Proof) -> str:
    """The account of a proof, as its owner knows it."""
    return template_tags.handle(proof.handle) or proof.did


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, ref: str) -> HttpResponse:
    """GET shows the invitation; POST takes the answer."""
    invitation = _visible(request, ref, to_its_host=request.method != "POST")
    if invitation is None:
        return _prove_first(request, ref) if request.method == "POST" else _hidden(request, ref)
    if _target(invitation).hidden_at is not None:
        is_reader = invitation.invitee_did in proofs(request)
        context = {"invitation": invitation, "seen_by_host": not is_reader}
        context["stopped"] = queries.stopped_by(invitation) if is_reader else ""
        return render(request, "invitation/withheld.html", context, status=410)
    form = AnswerForm(request.POST or None, event=invitation.event)
    if request.method == "POST" and form.is_valid() and _fits(request, invitation, form):
        known = invitation.invitee_did in proofs(request)
        action = {"ref": ref, "do": "answer", **form.action(known=known)}
        return pending_actions.perform(request, invitation, action, request.POST.get("handle", "").strip())
    return render(
        request, "invitation/show.html", _context(request, invitation, form), status=400 if form.errors else 200
    )


def _fits(request: HttpRequest, invitation: Invitation, form: AnswerForm) -> bool:
    """Whether the answer of a visitor who is to say who he is would be taken; else the form says what is wrong."""
    if invitation.event is None or invitation.invitee_did in proofs(request):
        return True
    try:
        rsvps.check(invitation.event, **form.values())
    except Invalid as fault:
        add_form_errors(form, fault.errors)
    except NotAllowed as fault:
        form.add_error(None, fault.sentence)
    return not form.errors


def _context(request: HttpRequest, invitation: Invitation, form: AnswerForm) -> dict[str, Any]:
    target, proved = _target(invitation), proofs(request)
    event = target if isinstance(target, Event) else None
    proof = proved.get(invitation.invitee_did)
    mine = rsvps.rsvp_of(event, did=invitation.invitee_did) if event and proof else None
    answer = shown_answer(mine, event) or (invitation.answer if proof else "")
    by_host, closed = proof is None and _is_its_host(request, invitation), Target(target).over()
    return {
        "seen_by_host": by_host,
        "place": location.where(event, mine) if event else "",
        "invitation": invitation,
        "old": queries.old_in_words(invitation, Target(target)) if _may_be_old(invitation) and not closed else "",
        "host": invitation.host,
        "host_identity": getattr(invitation.host, "bluesky", None),
        "event": event,
        "community": None if event else target,
        "target": target,
        "page": f"/events/{target.slug}" if event else f"/communities/{target.slug}",
        "words": "\n\n".join(filter(None, [queries.own_sentence(invitation), invitation.batch.note, invitation.line])),
        "proof": proof,
        "others": [other for other in proved.values() if other.did != invitation.invitee_did],
        "mine": mine,
        "answer": answer,
        "named_to_guests": event and mine and mine.choice in SHOWN_TO_GUESTS and not event.guest_list_hidden,
        "closed": closed,
        "may_save_date": event and answer != "cant" and (proof is not None or not Target(target).is_private),
        "may_answer": not by_host and not closed,
        "guests": rsvps.visible_list(event, dids=[proof.did] if proof else []) if event else None,
        "form": form,
        "questions": form.shown(mine),
        "stopped": queries.stopped_by(invitation) if proof is not None else "",
        "places": places_of(event, mine) if event else None,
        "ready": ready_text(event, shown_answer(mine, event)) if event else "",
        "keepable": keepable(request) if mine else None,
        "preview": shared_preview(event) if event else None,
        "online_link": location.link(event, mine) if event else "",
        "calendars": calendars(event, location.for_calendar(event, mine)) if event else None,
    }


def _may_be_old(invitation: Invitation) -> bool:
    """Whether its post is on Bluesky and was made before a change of what it is about."""
    return invitation.state == State.SENT and invitation.outdated


def _prove_first(request: HttpRequest, ref: str) -> HttpResponse:
    """POST on the hidden page: authorize the handle that was typed. It must behave the same for every ref."""
    return prove_for(request, request.POST.get("handle", ""), f"/i/{ref}")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, ref: str) -> HttpResponse:
    """Opt out of invitations by this host, or by the whole site."""
    invitation = _visible(request, ref)
    if invitation is None:
        return _hidden(request, ref)
    who = "site" if (request.POST or request.GET).get("who") == "site" else "host"
    if request.method == "POST":
        return pending_actions.perform(request, invitation, {"ref": ref, "do": "stop", "who": who})
    proven = invitation.invitee_did in proofs(request)
    return render(request, "invitation/stop.html", {"invitation": invitation, "who": who, "proven": proven})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest, ref: str) -> HttpResponse:
    """Report an invitation to the operator."""
    invitation = _visible(request, ref)
    if invitation is None:
        return _hidden(request, ref)
    did = invitation.invitee_did if invitation.invitee_did in proofs(request) else ""
    return reporting.page(
        request,
        what="invitation",
        host=invitation.host,
        back=f"/i/{ref}",
        send=lambda text: actions.report(ref, did, text),
    )


@require_POST
def forget_me(request: HttpRequest) -> HttpResponse:
    """The "Not you?" button: delete all proofs of this browser, and the offer."""
    forget(request)
    end_offer(request)
    show_message(
        request, _("This browser no longer knows your Bluesky account. Your answers stay as they are."), "info"
    )
    return redirect(safe_next(request, request.POST.get("next"), "/invitations"))


@never_cache
def inbox(request: HttpRequest) -> HttpResponse:
    """All invitations to the DIDs that this viewer has proved; needs no member account."""
    proved = proofs(request)
    items = queries.inbox(list(proved)) if proved else []
    context = {
        "known": list(proved.values()),
        "handles": ", ".join(map(_account, proved.values())),
        "open_items": [item for item in items if item.is_open],
        "answered_items": [item for item in items if item.is_answered],
        "done_items": [item for item in items if not item.is_open and not item.is_answered],
        "told": told_to(member_of(request), list(proved)),
        # Answers of a member end with her account; the page offers to delete only those of other accounts.
        "with_account": set() if member_of(request) or not proved else identities.of_members(proved),
    } | preferences_of(request)
    stopped = {row.did for row in context["opt_outs"] if row.is_of_whole_site}
    newest = {item.did: item.ref for item in reversed(items)}
    # Each account stops for itself, by the newest invitation to it.
    context["can_stop"] = [(proof, newest[did]) for did, proof in proved.items() if did in newest.keys() - stopped]
    context["stopped_all"] = bool(proved) and stopped >= proved.keys()
    return render(request, "invitation/inbox.html", context)
