"""Every button that a page offers works in the state that the page shows: pressed at once, none is refused.

What cannot work yet is disabled, is a link to what is missing, or is not there.
"""

import copy
import dataclasses
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.messages import ERROR, get_messages
from django.db import transaction
from django.utils import timezone
from tests.fakes.agent import FakeAgent
from tests.unit.web.conftest import HOST_DID

from elonara.atproto.tid import new_tid
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing import factory
from elonara.bluesky.writing.agent import Readiness
from elonara.communities import actions as communities
from elonara.communities.models import Community
from elonara.events import actions as events
from elonara.events.models import Event
from elonara.invitations.consent import pauses
from elonara.invitations.email import inviting as email_inviting
from elonara.invitations.models import Announcement, Batch, Correction, EmailInvitation, Invitation, State
from elonara.invitations.opt_out_models import EmailOptOut, OptOut
from elonara.invitations.targets import Target

# These end sessions, go to another server, or need what only a person can give.
ELSEWHERE = ("/auth/", "/accounts/", "/connect/", "/disconnect/", "/theme")
TYPED = {"username": "zoe", "q": "carol", "addresses": "ana@example.org", "typed": "carol.test", "name": "Cora"}
WATCH = "/{folder}/{slug}/manage?tab=invite&step=watch"
PAGES = (
    WATCH, "/{folder}/{slug}", "/{folder}/{slug}/manage", "/{folder}/{slug}/manage?tab=invite", "/{folder}/{slug}/edit",
    "/{folder}/{slug}/manage?tab=invite&step=check", "/{folder}/{slug}/manage?tab=invite&step=take-back",
)  # fmt: skip
OF_EVENTS = (
    "/events/{slug}/manage?tab=invite&step=email", "/events/{slug}/manage?tab=hosts", "/events/{slug}/cancel",
    "/events/{slug}/manage?tab=guests", "/events/{slug}/transfer", "/events/{slug}/again",
)  # fmt: skip
OF_COMMUNITIES = (
    "/communities/{slug}/manage?tab=members", "/communities/{slug}/close", "/communities/{slug}/leave",
    "/communities/{slug}/transfer", "/communities/{slug}/members",
)  # fmt: skip


@dataclass
class Form:
    """One form of a page as a browser would send it."""

    action: str
    values: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[dict[str, str]] = field(default_factory=list)


class Forms(HTMLParser):
    """The forms of a page that change something, and their buttons that can be pressed."""

    def __init__(self, page, address):
        super().__init__()
        self.found, self.address, self.form, self.inside = [], address, None, None
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        own = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form = Form(urljoin(self.address, own.get("action") or self.address))
            if own.get("method", "").lower() == "post":
                self.found.append(self.form)
        elif self.form is None or "disabled" in own or "form" in own:
            return
        elif tag == "button" and own.get("type", "submit") == "submit":
            self.form.buttons.append(own | {"text": ""})
            self.inside = "button"
        elif tag == "input" and own.get("name"):
            if own.get("type") in {"checkbox", "radio"} and "checked" not in own:
                return
            absent = "on" if own.get("type") in {"checkbox", "radio"} else ""
            self.form.values.setdefault(own["name"], []).append(own.get("value", absent))
        elif tag in {"textarea", "select"} and own.get("name"):
            self.inside = own["name"]
            self.form.values.setdefault(self.inside, [""])
        elif tag == "option" and "selected" in own:
            self.form.values[self.inside] = [own.get("value", "")]

    def handle_endtag(self, tag):
        if tag == "form":
            self.form = None
        if tag in {"button", "textarea", "select"}:
            self.inside = None

    def handle_data(self, data):
        if self.form is None or self.inside is None:
            return
        if self.inside == "button":
            self.form.buttons[-1]["text"] = f"{self.form.buttons[-1]['text']} {data.strip()}".strip()
        elif self.form.values[self.inside] == [""]:
            self.form.values[self.inside] = [data.removeprefix("\n")]


def press(client, form, button):
    """What the site says against it, "" where it works. Nothing stays changed."""
    values = form.values | {"csrfmiddlewaretoken": [""]}
    if button.get("name"):
        values = values | {button["name"]: [button.get("value", "")]}
    values = values | {name: [TYPED[name]] for name in values if name in TYPED and values[name] == [""]}
    cookies = copy.deepcopy(client.cookies)
    with transaction.atomic():
        response = client.post(form.action, values)
        transaction.set_rollback(True)
    client.cookies = cookies
    said = [str(one) for one in get_messages(response.wsgi_request) if one.level == ERROR]
    if response.status_code >= 400:
        said.append(str(response.status_code))
    return "; ".join(said)


def fill(target, host):
    """Posts in every state, some for a reason, a failed update, and e-mail invitations."""
    keys = {type(target).__name__.lower(): target}
    batch, now = Batch.objects.create(host=host, **keys), timezone.now()
    facts = Target(target).facts
    record = {"text": "Come!", "facets": [], "embed": {"external": {"uri": "", "title": "", "description": ""}}}

    def post(state, **more):
        return {
            "host": host, "author_did": HOST_DID, "rkey": new_tid(), "record": record, "facts": facts, "state": state,
            "next_attempt_at": now, "queued_at": now, "sent_at": now if state == State.SENT else None, **keys, **more,
        }  # fmt: skip

    def invitation(state, **more):
        who = {"invitee_did": f"did:plc:{uuid.uuid4().hex[:24]}", "invitee_handle": "somebody.test"}
        return Invitation.objects.create(batch=batch, ref=uuid.uuid4().hex, **who, **post(state), **more)

    for state in State.values:
        invitation(state)
    for state in ("queued", "waiting", "failed"):
        invitation(state, needs_confirmation=True)
    for reason in ("app_password_missing", "needs_reauth", "not_connected", "author_changed"):
        invitation(State.WAITING, reason=reason)
    invitation(State.FAILED, retryable=False, reason="gave_up")
    invitation(State.FAILED, ambiguous=True, last_attempt_at=now)
    invitation(State.UNDONE, undone_once=True)
    for state in (State.SUPPRESSED, State.CANCELLED, State.FAILED, State.UNDONE):
        OptOut.objects.create(did=invitation(state).invitee_did)
    invitation(State.CANCELLED, answer="cant", answered_at=now)
    Announcement.objects.create(**post(State.SENT))
    Correction.objects.create(**post(State.FAILED), changed=["when"])


READY = Readiness(True, HOST_DID, "alice.example", "host", "app_password", "", "Ready.")


def cannot(reason, author=HOST_DID):
    return Readiness(False, author, "alice.example" if author else "", "host", "", reason, "Not yet.")


ABLE = {
    "ready": READY, "app password missing": cannot("app_password_missing"), "needs reauth": cannot("needs_reauth"),
    "sign-in only": cannot("not_connected"), "no account": cannot("not_connected", ""), "paused": READY,
    "loopback": READY,
}  # fmt: skip
STATES = ("coming", "moved", "private", "past", "ended", "hidden")
SITUATIONS = [
    *(("picnic", able, "moved") for able in ABLE),
    *(("picnic", "ready", state) for state in STATES if state != "moved"),
    *(("circle", "sign-in only", "moved"), ("circle", "ready", "moved"), ("circle", "ready", "ended")),
]


@pytest.fixture
def brought(alice, settings):
    """Brings the host and her target into a situation; posts of every kind are there."""

    def bring(target, able, state):
        fill(target, alice)
        identity = MemberIdentity.objects.filter(member=alice)
        if able == "sign-in only":
            identity.update(state="revoked", state_reason="not_connected")
        elif able == "needs reauth":
            identity.update(state="needs_reauth")
        elif able == "no account":
            identity.delete()
        elif able == "paused":
            pauses.pause_host(alice, "opt_outs")
        elif able == "loopback":
            identity.update(pds_url="https://public.example")
        public = "http://127.0.0.1:8000" if able == "loopback" else "https://events.example"
        here = settings.ELONARA
        settings.ELONARA = dataclasses.replace(here, site=dataclasses.replace(here.site, url=public))
        now, rows = timezone.now(), type(target).objects.filter(pk=target.pk)
        if isinstance(target, Community):
            change = {
                "moved": {"name": "Rye Circle"}, "private": {"visibility": "private"}, "ended": {"closed_at": now},
                "hidden": {"hidden_at": now}, "past": {}, "coming": {},
            }  # fmt: skip
        else:
            change = {
                "moved": {"location": "Elsewhere"}, "private": {"visibility": "private"}, "coming": {},
                "past": {"starts_at": now - timedelta(days=2)}, "ended": {"status": Event.Status.CANCELLED},
                "hidden": {"hidden_at": now},
            }  # fmt: skip
        if change[state]:
            rows.update(**change[state])

    return bring


@pytest.mark.parametrize(("kind", "able", "state"), SITUATIONS)
def test_none_is_refused(request, signed_in, alice, make_member, friends, mail, brought, kind, able, state):
    target = request.getfixturevalue(kind)
    make_member("zoe")
    folder, more = ("events", OF_EVENTS) if kind == "picnic" else ("communities", OF_COMMUNITIES)
    if kind == "circle":
        communities.join(target, did="did:plc:somebody", handle="somebody.test", invited=True)
    else:
        events.add_cohost(target, by=alice, member=make_member("asked"))
        mail(target, alice)
    with factory.use(FakeAgent(author_did=HOST_DID, ready=ABLE[able])):
        client = signed_in(alice)
        pick = f"/{folder}/{target.slug}/manage?tab=invite"
        client.post(pick, {"go": "next", "did": ["did:plc:carol", "did:plc:dan"], "list": "followers"})
        brought(target, able, state)
        refused, pressed = [], set()
        for address in (page.format(folder=folder, slug=target.slug) for page in (*PAGES, *more)):
            response = client.get(address, follow=True)
            for form in Forms(response.content.decode(), address).found:
                if urlsplit(form.action).path.startswith(ELSEWHERE):
                    continue
                for button in form.buttons:
                    once = (form.action, button.get("value"), button["text"])
                    if once in pressed:
                        continue
                    pressed.add(once)
                    if fault := press(client, form, button):
                        refused.append(f"{address}: {button['text']} at {form.action}: {fault}")
    assert len(pressed) > 5
    assert not refused, "\n".join(sorted(set(refused)))


@pytest.fixture
def mail(settings):
    """Makes e-mail invitations in every state; the site can send e-mail and its host has a verified address."""
    here = settings.ELONARA
    settings.ELONARA = dataclasses.replace(
        here,
        site=dataclasses.replace(here.site, url="https://events.example"),
        email=dataclasses.replace(here.email, url="smtp://mail.example", sender="events@site.example"),
    )

    def make(event, host):
        for number, state in enumerate(("queued", "sent", "failed", "suppressed", "cancelled", "failed")):
            plan = email_inviting.preview(host, event, f"p{number}@example.org", "")
            email_inviting.invite(host, event, f"p{number}@example.org", "", plan.preview_id)
            row = EmailInvitation.objects.order_by("-created_at").first()
            EmailInvitation.objects.filter(pk=row.pk).update(state=state)
            if number == 5:
                EmailOptOut.objects.create(address_hash=row.address_hash)

    return make
