"""The operator reads sentences: no code that a row can hold is shown as it is on the jobs page."""

import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from tests.unit.invitations.conftest import *  # noqa: F403

import elonara
from elonara.atproto.tid import new_tid
from elonara.bluesky.models import AccountLane, PdsHost
from elonara.bluesky.reasons import SENTENCES
from elonara.housekeeping import periodic_tasks, words
from elonara.housekeeping.models import PeriodicTask, Worker
from elonara.invitations import reasons
from elonara.invitations.consent import pauses
from elonara.invitations.models import EmailInvitation, EmailState, HostSending, Invitation, State
from elonara.members.models import Member

REASONS = sorted({*reasons.REASONS, *SENTENCES})
SOURCE = Path(elonara.__file__).parent
LATER = timedelta(hours=1)


class Texts(HTMLParser):
    """The text of each element of a page."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_data(self, data):
        self.found.append(data.strip())


@pytest.fixture
def read(site):
    """`read()` returns the texts of the jobs page."""
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(Member.objects.create_superuser("olga", password="a long password"))
    return lambda: Texts(client.get("/admin/jobs/").content.decode()).found


def bare(texts, codes):
    """The codes shown as a text of their own, at the end of one, or (codes with "_" only) anywhere in one."""
    found = set()
    for code in codes:
        word = re.compile(rf"\b{code}\b") if "_" in code else re.compile(rf"^{code}$|[(:] ?{code}\)?$")
        found |= {(code, text) for text in texts if word.search(text)}
    return found


def source_says(pattern, *folders):
    """What a pattern matches in the site's own source."""
    files = [file for folder in folders for file in (SOURCE / folder).rglob("*.py")]
    return {found for file in files for found in re.findall(pattern, file.read_text())}


def test_bare_codes_are_detected():
    texts = ["opt_outs", "Until ten (busy)", "A busy server.", "queued"]
    codes = [code for code, _ in bare(texts, ["opt_outs", "busy", "queued", "server"])]
    assert sorted(codes) == ["busy", "opt_outs", "queued"]


@pytest.mark.parametrize("state", [State.FAILED, State.WAITING, State.QUEUED])
def test_every_reason_of_a_post_and_of_an_email_invitation_is_a_sentence(read, picnic, alice, send, state):
    send(picnic, "bob", thread=False)
    one, now = Invitation.objects.get(), timezone.now()
    rows, emails = [], []
    for code in REASONS:
        fields = {"event": picnic, "host": alice, "batch": one.batch, "author_did": one.author_did, "record": {}}
        marks = {"rkey": new_tid(), "ref": f"ref-{code}", "invitee_did": f"did:plc:{code}"}
        times = {"next_attempt_at": now, "queued_at": now}
        rows.append(Invitation(**fields, **marks, **times, state=state, reason=code))
        emails.append(
            EmailInvitation(
                event=picnic, host=alice, address_hash=code, token_hash=code, due_at=now, reason=code,
                state="failed" if state == State.WAITING else state,
            )
        )  # fmt: skip
    Invitation.objects.bulk_create(rows)
    EmailInvitation.objects.bulk_create(emails)
    texts = read()
    assert not bare(texts, [*REASONS, *State.values])
    for code in REASONS:
        assert texts.count(reasons.sentence(code)) >= 2, code


@pytest.mark.parametrize("code", [*pauses.PAUSE_REASONS, "of_another_version"])
def test_why_a_host_is_paused_is_a_sentence(read, alice, code):
    HostSending.objects.create(host=alice, paused_at=timezone.now(), pause_reason=code)
    texts = read()
    assert not bare(texts, [code])
    assert reasons.sentence(code) in texts


@pytest.mark.parametrize("code", ["rate_limited", "spam_label", ""])
def test_why_an_account_is_paused_is_a_sentence(read, picnic, send, code):
    send(picnic, "bob", thread=False)
    until = timezone.now() + LATER
    AccountLane.objects.update_or_create(
        author_did="did:plc:host", defaults={"paused_until": until, "pause_reason": code}
    )
    texts = read()
    assert not bare(texts, ["rate_limited", "spam_label"])
    assert "()" not in " ".join(texts)
    assert any((reasons.sentence(code) or words.SPACED) in text for text in texts)


@pytest.mark.parametrize("code", [*words.SERVERS, "of_another_version"])
def test_why_a_server_is_paused_is_a_sentence(read, code):
    PdsHost.objects.create(origin="https://pds.example", paused_until=timezone.now() + LATER, reason=code)
    texts = read()
    assert not bare(texts, [code])
    assert words.in_words(code, "server") in texts


def test_tasks_and_their_failures_are_sentences(read):
    for name in (*periodic_tasks.TASKS, "of_another_version"):
        PeriodicTask.objects.create(name=name, due_at=timezone.now(), error="OSError: no space")
    texts = read()
    assert not bare(texts, [*periodic_tasks.TASKS, "of_another_version", "OSError"])
    assert texts.count(words.FAILED.format(error="OSError: no space")) == len(periodic_tasks.TASKS) + 1
    assert {words.in_words(name, "task") for name in periodic_tasks.TASKS} <= set(texts)


@pytest.mark.parametrize("age", [timedelta(), timedelta(minutes=5)])
def test_engines_are_named_in_words(read, age):
    now = timezone.now()
    for engine in (*words.ENGINES, "of_another_version"):
        times = {"started_at": now - age, "seen_at": now - age}
        Worker.objects.create(name=engine.upper(), engine=engine, version="1", **times)
    texts = read()
    assert not bare(texts, [*words.ENGINES, "of_another_version"])
    assert {words.in_words(engine, "engine") for engine in words.ENGINES} <= set(texts)


def test_states_are_words(read):
    texts = read()
    assert not bare(texts, State.values)
    assert set(words.STATES.values()) <= set(texts)


def test_every_code_that_the_source_writes_has_a_sentence():
    assert set(State.values) | set(EmailState.values) == set(words.STATES)
    assert set(periodic_tasks.TASKS) == set(words.TASKS)
    assert source_says(r'beating\("(\w+)"\)', "cli", "engines") == set(words.ENGINES)
    assert source_says(r'"reason": "(\w+)"', "bluesky") == set(words.SERVERS)
    paused = source_says(r'pause_reason="(\w+)"', "bluesky", "invitations")
    given = source_says(r'\breason="(\w+)"', "invitations")
    assert paused
    assert given
    assert {*pauses.PAUSE_REASONS, *paused, *given} <= set(REASONS)
