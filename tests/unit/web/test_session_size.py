"""A session is read with every page: whatever members and visitors do, it stays below 4 kB."""

import re
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from uuid import uuid4

import pytest
from django.contrib.messages.storage import default_storage
from django.contrib.sessions.models import Session
from django.contrib.sessions.serializers import JSONSerializer
from django.http import HttpResponse
from django.utils import timezone
from tests.unit.web.conftest import PASSWORD

import elonara
from elonara.events import actions as events
from elonara.invitations.planning.models import InvitationDraft
from elonara.members.models import Member
from elonara.web import proofs
from elonara.web.shortcuts import show_message

BOUND = 4096
WIDE = "\U0001f35e" * 640


def size(session):
    """The size of a session's JSON, before it is packed."""
    return len(JSONSerializer().dumps(dict(session)))


@pytest.fixture
def request_of(rf, db):
    def make(session):
        request = rf.get("/")
        request.session, request.user = session, Member()
        return request

    return make


def test_thirty_drafts_with_notes_of_two_megabytes(signed_in, alice, friends):
    client = signed_in(alice)
    starts = timezone.now() + timedelta(days=9)
    for number in range(30):
        event = events.create(alice, title=f"Picnic {number}", starts_at=starts, timezone="Europe/Lisbon")
        address = f"/events/{event.slug}/manage?tab=invite"
        client.post(address, {"did": ["did:plc:carol"], "go": "next"})
        client.post(f"{address}&step=check", {"note": "n" * 1_900_000, "line:did:plc:carol": "x" * 9000})
    assert InvitationDraft.objects.count() == 30
    assert size(client.session) < BOUND
    assert max(map(len, Session.objects.values_list("session_data", flat=True))) < BOUND


def test_proofs_of_many_accounts_and_the_offer_of_one(client, request_of):
    session = client.session
    request = request_of(session)
    proofs.keep_browser(request)
    for number in range(200):
        proofs.remember(request, f"did:web:{number}.{'x' * 200}.example", f"{number}.{'y' * 240}.example", WIDE)
        did, back = f"did:web:{number}.{'x' * 230}", "/i/" + "z" * 9000
        proofs.offer_account(request, did, "y" * 253, WIDE, back=back, request_id=str(uuid4()))
    assert size(session) < BOUND
    newest = f"did:web:199.{'x' * 200}.example"
    assert list(session[proofs.PROVEN])[-1] == newest, "the newest proof is kept"


def test_ordinary_proofs_are_kept_together(client, request_of):
    request = request_of(client.session)
    for number in range(6):
        proofs.remember(request, f"did:plc:{number:024}", f"person{number}.bsky.social", f"Person {number}")
    assert len(request.session[proofs.PROVEN]) == 6


def test_an_account_proved_again_counts_as_the_newest(client, request_of):
    request = request_of(client.session)
    for did in ("did:plc:a", "did:plc:b", "did:plc:a"):
        proofs.remember(request, did, "a.example", "A")
    assert list(request.session[proofs.PROVEN]) == ["did:plc:b", "did:plc:a"]


def test_messages_that_nobody_reads(client, request_of):
    request, response = request_of(client.session), HttpResponse()
    request._messages = default_storage(request)
    for number in range(300):
        show_message(request, f"Person {number} is chosen. {token_hex(50)}")
    request._messages.update(response)
    assert size(request.session) < BOUND
    assert len(response.cookies["messages"].value) < BOUND
    request.COOKIES = {"messages": response.cookies["messages"].value}
    assert str([*default_storage(request)][-1]).startswith("Person 299"), "the newest are kept"


def test_a_handle_of_any_length(signed_in, alice, server):
    client = signed_in(alice)
    client.post("/auth/bluesky/connect", {"handle": "h" * 100_000})
    assert size(client.session) < BOUND


def test_signing_in_again_and_again(client, alice):
    for _ in range(30):
        client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert size(client.session) < BOUND


def test_nothing_else_writes_to_the_session():
    """A module that begins to is added here, with a test of its own above."""
    root = Path(elonara.__file__).parent
    writers = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if re.search(r"\.session\[|\.session\.(update|setdefault)\(", path.read_text())
    }
    assert writers == {"web/authorization.py", "web/callback.py", "web/members/fresh_proof.py", "web/proofs.py"}
