"""The member's own pages: profile, the Bluesky status card, ways to sign in, preferences for invitations."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.app_password.app_passwords import AppPasswordRefused
from elonara.bluesky.connections.linking import LastWayToSignIn
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.identity.identities import ConnectedIdentity
from elonara.bluesky.identity.oauth_posting import ConsentRefused
from elonara.bluesky.models import ActorView, AppPasswordSession
from elonara.events import queries as events
from elonara.housekeeping import answer_digest
from elonara.invitations import queries as invitations
from elonara.invitations import reasons
from elonara.invitations.guest_emails.stopping import settings_of
from elonara.invitations.models import Invitation, State
from elonara.invitations.states import PENDING
from elonara.members import actions
from elonara.members.errors import Invalid
from elonara.members.models import Member
from elonara.members.queries import has_verified_email
from elonara.web.invitations.preferences import preferences_of
from elonara.web.members import fresh_proof
from elonara.web.members.forms import AppPasswordForm, ProfileForm
from elonara.web.shortcuts import (
    add_form_errors,
    members_only,
    options,
    safe_next,
    show_message,
    shown_tabs,
    the_member,
)

TABS = (
    ("bluesky", "Bluesky"),
    ("about", gettext_noop("About you")),
    ("signin", gettext_noop("Signing in")),
    ("invitations", gettext_noop("Invitations")),
    ("data", gettext_noop("Your data")),
)
CARD = "/profile/edit"
EVENTS_SHOWN = 20
HANDLE_REASONS = {"unknown_account", "not_pointing_back", "other_account", "not_connected"}


@members_only
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """The member's name and the events that she hosts: those to come, then those that are over."""
    hosted, now = events.hosted_by(the_member(request)), timezone.now()
    coming = events.not_over(hosted, now).order_by("starts_at", "pk")
    over = hosted.filter(events.over_by(now, now - events.DEFAULT_DURATION))
    context = {"coming": coming[:EVENTS_SHOWN], "over": over[:EVENTS_SHOWN]}
    return render(request, "profile/show.html", context)


@never_cache
@members_only
def edit(request: HttpRequest) -> HttpResponse:
    """The tabs of the member's settings."""
    tab = request.GET.get("tab", "bluesky")
    tab = tab if tab in dict(TABS) else "bluesky"
    if tab == "about":
        return _about(request)
    if tab == "bluesky":
        return _page(request, tab, **_bluesky(request, back=request.GET.get("next", "")))
    if tab == "invitations":
        member = the_member(request)
        emails, has_address = settings_of(member), has_verified_email(member)
        digest = answer_digest.wants(member)
        return _page(request, tab, emails=emails, has_address=has_address, digest=digest, **preferences_of(request))
    return _page(request, tab, has_email=bool(options().email.url))


def _page(request: HttpRequest, tab: str, *, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, f"profile/{tab}.html", {"tab": tab, "tabs": shown_tabs(TABS), **context}, status=status)


def _about(request: HttpRequest) -> HttpResponse:
    member = the_member(request)
    form = ProfileForm(request.POST or None, initial=ProfileForm.initial_of(member))
    if request.method == "POST" and form.is_valid():
        try:
            actions.update_profile(member, **form.cleaned_data)
        except Invalid as fault:
            add_form_errors(form, fault.errors)
        else:
            show_message(request, _("Your profile is saved."))
            return redirect("/profile/edit?tab=about")
    return _page(request, "about", form=form)


def _bluesky(request: HttpRequest, form: AppPasswordForm | None = None, *, back: str = "") -> dict[str, Any]:
    member, service = the_member(request), BlueskyOAuthService()
    identity = service.get_identity_for_member(member.pk)
    stored = AppPasswordSession.objects.filter(member=member).first()
    rows = Invitation.objects.filter(host=member)
    latest = ActorView.objects.filter(member=member).order_by("-checked_at").first()
    ready = invitations.readiness(member) if identity else None
    knows_none = identity is not None and oauth_posting.knows_no_app_passwords(identity.row)
    return {
        "identity": identity,
        "server": urlsplit(identity.pds_url).hostname if identity else "",
        "posts_by_consent": identity is not None and oauth_posting.consent_stands(identity.row),
        # Not where the site's mode lets everybody post so.
        "may_consent": knows_none and ready is not None and ready.backend in {"", "relay"},
        "connected": service.is_connected(member.pk),
        "ready": ready,
        "stored": stored,
        "read_at": latest.checked_at if latest else None,
        "unsent": rows.filter(state__in=PENDING).count(),
        "waiting": rows.filter(state=State.WAITING).count(),
        "form": form or AppPasswordForm(initial={"identifier": identity.handle if identity else ""}),
        "back": _step(request, back),
        "after": _step(request, back) or CARD,
        "tried_handle": request.session.pop("tried_handle", ""),
    }


def _wait_for(member: Member, action: str) -> bool:
    """Whether invitations of the member wait until she does this (`reasons.Reason.action`)."""
    codes = reasons.codes_with({action})
    return Invitation.objects.filter(host=member, state=State.WAITING, reason__in=codes).exists()


def _say_done(request: HttpRequest, done: str, *, waited: bool) -> None:
    """Say what was done, and that invitations waited for it."""
    show_message(request, f"{done} {_('The invitations that waited for it go out now.')}" if waited else done)


def _step(request: HttpRequest, wanted: str) -> str:
    """The step that led to the status card, to return to; "" where she came for the card itself."""
    found = safe_next(request, wanted, CARD)
    return "" if found.partition("?")[0] == CARD else found


@never_cache
@members_only
@require_POST
def connect_app_password(request: HttpRequest) -> HttpResponse:
    """Store an app password for posting. It links no account: only OAuth proves a DID."""
    form = AppPasswordForm(request.POST)
    if form.is_valid():
        waited = _wait_for(the_member(request), "app_password")
        try:
            app_passwords.connect(
                the_member(request), form.cleaned_data["identifier"], form.cleaned_data["app_password"]
            )
        except AppPasswordRefused as fault:
            form.add_error("identifier" if fault.reason in HANDLE_REASONS else "app_password", fault.sentence)
        else:
            _say_done(request, _("The app password is saved."), waited=waited)
            return redirect(_step(request, request.POST.get("next", "")) or CARD)
    return _page(request, "bluesky", status=400, **_bluesky(request, form, back=request.POST.get("next", "")))


@members_only
@require_POST
def remove_app_password(request: HttpRequest) -> HttpResponse:
    """Delete the app password."""
    app_passwords.remove(the_member(request))
    show_message(request, _("The app password is removed here. You can also end it in Bluesky’s settings."))
    return redirect("/profile/edit")


@members_only
@require_POST
def allow_posting(request: HttpRequest) -> HttpResponse:
    """Let this site post by the OAuth session, where the member's server knows no app passwords."""
    waited = _wait_for(the_member(request), "consent")
    try:
        identity = oauth_posting.consent(the_member(request), request.POST.get("did", ""))
    except ConsentRefused as fault:
        show_message(request, fault.sentence, "bad")
        return redirect(_back_to_card(request))
    if ConnectedIdentity.of(identity).can_write:
        _say_done(request, _("This site posts for you now."), waited=waited)
    else:
        show_message(request, _("One step is left: reauthorize, and allow posting on your server’s page."), "warn")
        return redirect(_back_to_card(request))
    return redirect(_step(request, request.POST.get("next", "")) or CARD)


def _back_to_card(request: HttpRequest) -> str:
    """The status card, which still knows the step that led to it."""
    back = _step(request, request.POST.get("next", ""))
    return f"{CARD}?{urlencode({'next': back})}" if back else CARD


@members_only
@require_POST
def end_posting(request: HttpRequest) -> HttpResponse:
    """Take that back: nothing more is posted by the OAuth session."""
    oauth_posting.withdraw(the_member(request))
    show_message(request, _("This site no longer posts for you. What is not sent yet waits."))
    return redirect("/profile/edit")


@members_only
@require_POST
def disconnect(request: HttpRequest) -> HttpResponse:
    """Revoke the OAuth tokens, delete the cached graph, and cancel invitations that are not sent."""
    revoked = BlueskyOAuthService().disconnect(the_member(request))
    show_message(request, _("Disconnected. You can still sign in with your Bluesky account."))
    if not revoked:
        show_message(
            request,
            _("Bluesky could not be reached. End the permission there too: Settings, Privacy and security."),
            "warn",
        )
    return redirect("/profile/edit")


@members_only
@require_POST
def remove_sign_in(request: HttpRequest) -> HttpResponse:
    """Unlink the DID from the member, unless it is the only way to sign in."""
    fresh_proof.require(request)
    try:
        BlueskyOAuthService().remove_sign_in(the_member(request))
    except LastWayToSignIn as fault:
        show_message(request, fault.sentence, "bad")
        return redirect("/profile/edit?tab=signin")
    show_message(request, _("Bluesky is no longer a way to sign in to this account."))
    return redirect("/profile/edit")
