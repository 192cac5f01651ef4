"""The same with the real agents at a fake PDS: crashes, lost sessions, and switches of the mode in any order.

The factory makes the agent of the mode. Both talk to the fake PDS and its authorization server, which respond as the
real ones were measured to.
"""

import dataclasses
import json
from contextlib import ExitStack
from datetime import datetime

import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from tests.fakes.bluesky import Bluesky, Crash
from tests.unit.invitations.any_order import NAMES, AnyOrder, keys, run

from elonara.atproto.oauth import token_response
from elonara.bluesky import network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.models import AppPasswordSession, AuthorizationRequest, MemberIdentity, PdsHost
from elonara.bluesky.oauth.outcomes import AuthorizationFailed
from elonara.housekeeping.models import PeriodicTask
from elonara.invitations.models import HostSending, Invitation, State
from elonara.invitations.transitions import MODELS
from elonara.members.models import Member, Notice
from elonara.options import Relay, Writes

MODES = ("legacy", "oauth")
WRITES = ("createRecord", "deleteRecord")
COLUMNS = ("pk", "state", "attempts", "ambiguous", "author_did", "rkey")
FRIENDS = (*NAMES, "dan", "eve", "fay")
MEANWHILE = {"name": st.sampled_from(FRIENDS), "minutes": st.sampled_from([0, 1, 12])}
MOODS = ("crash before", "crash after", "lost", "unreachable", "500", "502", "502 after", "503", "429", "429 for all")
# A refresh token can be used once: the process may end after the server issued a new one and before it is stored.
REFRESH = ("token", "refreshSession", "createSession")
CREATING = st.tuples(st.just("createRecord"), st.sampled_from([*MOODS, "late"]))
READING = st.tuples(st.just("getRecord"), st.sampled_from(["crash before", "unreachable", "502", "429 for all"]))
DELETING = st.tuples(st.just("deleteRecord"), st.sampled_from([*MOODS, "late"]))


class AtAPds(AnyOrder):
    """Alice's account and the relay's live at one PDS."""

    bluesky = None
    friends = FRIENDS

    @initialize(thread=st.booleans(), mode=st.sampled_from(MODES), password=st.booleans(), approved=st.booleans())
    def begin(self, thread, mode, password, approved):
        for model in (MemberIdentity, AppPasswordSession, AuthorizationRequest, PdsHost, PeriodicTask, Notice):
            model.objects.all().delete()
        self.alice = Member.objects.get(pk=type(self).alice.pk)  # without a cached identity
        self.bluesky = Bluesky(lambda: self.clock.now().timestamp())
        self.account, self.relay = self.bluesky.account("alice.example.com"), self.bluesky.account("site.example.com")
        self.bluesky.pds.always_scoped = {self.relay.did}
        self.options, self.asked, self.bound = ExitStack(), 0, {}
        self.start(thread, network.use(self.bluesky, dns=self.bluesky.dns), self.options)
        self.switch(mode)
        self.bluesky.server.jwks = BlueskyOAuthService().jwks()
        self.consent()
        if password:
            self.add_app_password()
        if approved:
            HostSending.objects.create(host=self.alice, relay_approved=True)

    def posts(self):
        return {(did, rkey): kept["value"] for (did, _, rkey), kept in self.bluesky.pds.records.items()}

    def late(self):
        return self.bluesky.late

    def land_late(self):
        self.bluesky.land()

    def delete(self, did, rkey):
        self.bluesky.pds.records.pop((did, "app.bsky.feed.post", rkey), None)

    def mend(self):
        self.bluesky.moods.clear()
        self.account.state, self.bluesky.pds.app_passwords = "active", "scoped"
        self.consent()
        self.add_app_password()

    def consent(self):
        """Connect or reauthorize: to the server's page and back."""
        service, browser = BlueskyOAuthService(), "a browser"
        url = service.begin("connect", self.account.handle, member=self.alice, browser=browser, confirmed=True)
        service.finish(self.bluesky.server.approve(url, self.account.did), browser=browser)

    def add_app_password(self):
        app_passwords.connect(self.alice, "", self.account.app_password)

    @rule(mode=st.sampled_from(MODES))
    def switch(self, mode):
        self.mode = mode
        self.options.close()
        relay = Relay(identifier=self.relay.did, app_password=self.relay.app_password, audience="all")
        changed = dataclasses.replace(settings.ELONARA.bluesky, writes=Writes(mode=mode), relay=relay)
        self.options.enter_context(override_settings(ELONARA=dataclasses.replace(settings.ELONARA, bluesky=changed)))

    # A fault shows nothing on an idle site, so after each of these rules she invites somebody and time passes.

    def go_on(self, name, minutes):
        row = Invitation.objects.filter(invitee_did=f"did:plc:{name}").first()
        if row is None:
            self.send(name)
        elif row.needs_confirmation or row.state == State.UNDONE:
            self.act(name, "confirm")
        elif row.state in {State.FAILED, State.CANCELLED, State.SUPPRESSED}:
            self.act(name, "retry")
        self.wait(minutes)

    @rule(troubles=st.lists(CREATING | READING | DELETING, min_size=1, max_size=5), **MEANWHILE)
    def trouble(self, troubles, name, minutes):
        for where, mood in troubles:
            self.bluesky.moods[where].append(mood)
        self.go_on(name, minutes)

    @rule(name=st.sampled_from(NAMES))
    def cancel_what_lands_late(self, name):
        self.bluesky.moods["createRecord"].appendleft("late")
        self.go_on(name, 0)
        self.act(name, "cancel")
        for _ in range(3):
            self.wait(1)

    @rule(moods=st.lists(st.sampled_from(MOODS), min_size=1, max_size=3), **MEANWHILE)
    def trouble_at_a_refresh(self, moods, name, minutes):
        self.bluesky.pds.expire_tokens()
        for where in REFRESH:
            self.bluesky.moods[where].extend(moods)
        self.go_on(name, minutes)

    @rule(what=st.sampled_from(["nonces", "tokens", "sessions", "app password", "off", "on"]), **MEANWHILE)
    def at_the_server(self, what, name, minutes):
        match what:
            case "nonces":
                self.bluesky.change_nonces()
            case "tokens":
                self.bluesky.pds.expire_tokens()
            case "sessions":
                self.bluesky.revoke_sessions()
            case "app password":
                self.bluesky.pds.revoke_app_password(self.account.did)
            case "off" | "on":
                self.account.state = "deactivated" if what == "off" else "active"
        self.go_on(name, minutes)

    @rule(what=st.sampled_from(["consent", "give", "take away"]), **MEANWHILE)
    def on_her_profile(self, what, name, minutes):
        try:
            match what:
                case "consent":
                    self.consent()
                case "give":
                    self.add_app_password()
                case "take away":
                    app_passwords.remove(self.alice)
        except (AuthorizationFailed, app_passwords.AppPasswordRefused, Crash):
            pass  # she tries again later
        self.go_on(name, minutes)

    @rule(what=st.sampled_from(["full", "none", "scoped", "let it post", "withdraw"]), **MEANWHILE)
    def at_a_server_without_app_passwords(self, what, name, minutes):
        try:
            match what:
                case "let it post":
                    oauth_posting.consent(self.alice, self.account.did)
                case "withdraw":
                    oauth_posting.withdraw(self.alice)
                case _:
                    self.bluesky.pds.app_passwords = what
                    self.add_app_password()
        except (oauth_posting.ConsentRefused, app_passwords.AppPasswordRefused, Crash):
            pass
        self.go_on(name, minutes)

    @invariant()
    def every_post_is_of_a_row(self):
        if self.bluesky is not None:
            assert set(self.posts()) <= keys()

    @invariant()
    def each_mode_writes_with_its_own_credential(self):
        if self.bluesky is None:
            return
        asked, self.asked = self.bluesky.requests[self.asked :], len(self.bluesky.requests)
        for request in asked:
            if request.path.endswith(WRITES):
                scheme = request.headers["authorization"].partition(" ")[0]
                # Rows that the relay attempted stay with it.
                own = json.loads(request.content)["repo"] == self.account.did
                by_oauth = self.mode == "oauth" or oauth_posting.has_consented(self.alice.pk)
                assert scheme == ("DPoP" if by_oauth and own else "Bearer"), (self.mode, request.path)

    @invariant()
    def an_attempted_row_keeps_its_author_and_its_key(self):
        if self.bluesky is None:
            return
        before, self.bound = self.bound, {}
        for model in MODELS:
            for pk, state, attempts, ambiguous, *where in model.objects.values_list(*COLUMNS):
                assert before.get(pk, where) == where, (state, attempts, ambiguous)
                attempted = attempts > 0 and state in {State.QUEUED, State.WAITING}
                if attempted or ambiguous or state in {State.SENDING, State.SENT, State.UNDOING}:
                    self.bound[pk] = where


@pytest.fixture
def agent(site):
    """None: the factory makes the real agents."""


@pytest.fixture
def clock(clock, monkeypatch):
    """`elonara.atproto` does not use Django's clock, so its own is set to the same time."""

    class Ahead(datetime):
        now = classmethod(lambda cls, zone=None: clock.now())

    monkeypatch.setattr(token_response, "datetime", Ahead)
    return clock


def test_whatever_happens(alice, make_event, clock, set_options):
    set_options(bluesky={"plc_url": "https://plc.example"})
    AtAPds.clock, AtAPds.alice, AtAPds.make_event = clock, alice, staticmethod(make_event)
    run(AtAPds, 14)
