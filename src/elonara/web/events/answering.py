"""Answering on the event's page: as a member, or as the Bluesky account that was proved in this browser.

Whoever is neither says who she is first, and the answer is not lost by that. It travels as the payload of the
authorization request (`{"event": slug, "answer": …}`) and is applied in the callback; to who signs in with a password
it is shown again behind the sign-in, to be sent with one press: following a link must never answer.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from elonara.bluesky.models import AuthorizationPurpose
from elonara.bluesky.oauth.outcomes import Proved
from elonara.events import access
from elonara.events.guests import rsvps
from elonara.events.models import Event, Rsvp
from elonara.invitations.queries import is_invited, targets_of
from elonara.members.errors import Invalid, NotAllowed
from elonara.web.authorization import begin, pending_answer
from elonara.web.events.views import event_or_404, show_context
from elonara.web.parts.answer_forms import AnswerForm
from elonara.web.proofs import Proof, proofs
from elonara.web.shortcuts import add_form_errors, member_of, show_answered, show_message

WRONG = gettext_noop("Choose Going, Maybe or Can’t; a note has up to 500 characters.")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, slug: str) -> HttpResponse:
    """POST answers, or asks a visitor who she is. GET shows an answer that has to be sent once more."""
    event = event_or_404(request, slug)
    form = AnswerForm(request.POST if request.method == "POST" else request.GET, event=event)
    if not form.is_valid() or form.choice() not in rsvps.ANSWERS:
        if request.method == "POST":
            show_message(request, _(WRONG), "bad")
        return redirect(f"/events/{slug}")
    proof = next(reversed(proofs(request).values()), None)
    known = member_of(request) is not None or proof is not None
    try:
        if request.method != "POST" or not known:
            rsvps.check(event, **form.values())
            if request.method == "POST" and request.POST.get("handle", "").strip():
                return _prove(request, event, form)
            pending = pending_answer(event, form.action(known=known), known=known)
            return render(request, "events/answer_who.html", pending)
        row = _respond(request, event, form, proof)
    except Invalid as fault:
        add_form_errors(form, fault.errors)
        return render(request, "events/show.html", show_context(request, event, form), status=400)
    show_answered(request, event, row, form.cleaned_data["seen"])
    return redirect(f"/events/{slug}")


def _respond(request: HttpRequest, event: Event, form: AnswerForm, proof: Proof | None) -> Rsvp:
    member = member_of(request)
    # A member answers as herself: another account that was proved in this browser may be somebody else's.
    who: dict[str, Any] = {"member": member}
    if member is None and proof is not None:
        who = _as(proof)
    invited = is_invited(event, list(proofs(request)))
    return rsvps.respond(event, **form.values(), online=form.online(), invited=invited, **who)


def _as(proof: Proof) -> dict[str, Any]:
    return {"did": proof.did, "handle": proof.handle, "name": proof.name}


def _prove(request: HttpRequest, event: Event, form: AnswerForm) -> HttpResponse:
    return begin(
        request,
        AuthorizationPurpose.PROVE,
        request.POST["handle"].strip(),
        f"/events/{event.slug}",
        confirmed=True,
        payload={"event": event.slug, **form.action(known=False)},
    )


def apply(request: HttpRequest, proved: Proved) -> str | None:
    """Answer as an authorization request asked; returns the next path, None where it carried no such answer."""
    slug = str(proved.payload.get("event") or "")
    if not slug:
        return None
    proof = proofs(request)[proved.did]
    event = access.find(slug, member_of(request), [proof.did], targets_of("event", [proof.did]))
    if event is None:
        show_message(request, _("This event no longer exists, or you may not see it."), "bad")
        return "/events"
    form = AnswerForm(proved.payload, event=event)
    if not form.is_valid():
        show_message(request, _(WRONG), "bad")
        return f"/events/{event.slug}"
    invited = is_invited(event, [proof.did])
    try:
        row = rsvps.respond(event, **form.values(), online=form.online(), invited=invited, **_as(proof))
    except NotAllowed as fault:
        show_message(request, fault.sentence, "bad")
    except Invalid as fault:
        show_message(request, str(fault), "bad")
    else:
        show_answered(request, event, row, form.cleaned_data["seen"])
    return f"/events/{event.slug}"
