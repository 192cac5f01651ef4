"""Unexpected exceptions in a worker concern one row."""

import pytest
from django.db import OperationalError

from elonara.bluesky.writing.agent import Readiness
from elonara.invitations import actions
from elonara.invitations.models import State
from elonara.invitations.outbox import delivery

ALICE = "did:plc:host"
WAITING = Readiness(False, "did:plc:host", "alice.example", "compose", "", "app_password_missing", "Not yet.")


class TestUnforeseenErrors:
    """An unexpected exception concerns one row: the others of the account do not wait for it."""

    @pytest.fixture
    def broken(self, agent, monkeypatch):
        """Record keys for which the agent raises an exception."""
        keys = set()

        def broken(ask):
            def asked(member_id, *rest, rkey="", **words):
                if (rkey or rest[-1]) in keys:
                    raise ValueError("nobody thought of this")
                return ask(member_id, *rest, **({"rkey": rkey} if rkey else {}), **words)

            return asked

        for call in ("create_post_for_member", "find_post", "delete_post"):
            monkeypatch.setattr(agent, call, broken(getattr(agent, call)))
        return keys

    def test_while_it_is_sent(self, picnic, send, deliver, agent, row, broken, clock, caplog):
        send(picnic, "bob", "carol", "dan", thread=False)
        broken.add(row("bob").rkey)
        deliver()
        assert (row("bob").state, row("bob").reason, row("bob").ambiguous) == (State.QUEUED, "unforeseen", True)
        assert (row("carol").state, row("dan").state) == (State.SENT, State.SENT)
        assert "is set aside" in caplog.text
        assert "nobody thought of this" in caplog.text
        broken.clear()
        clock.pass_(minutes=5)
        deliver()
        assert row("bob").state == State.SENT
        assert len(agent.posts) == 3

    def test_while_it_is_undone(self, picnic, alice, send, deliver, agent, row, broken, clock):
        send(picnic, "bob", "carol", thread=False)
        deliver()
        broken.add(row("bob").rkey)
        for name in ("bob", "carol"):
            actions.undo(row(name), alice)
        deliver()
        assert set(agent.posts) == {(ALICE, row("bob").rkey)}
        broken.clear()
        clock.pass_(minutes=5)
        deliver()
        assert not agent.posts

    def test_a_database_error_is_not_blamed_on_the_row(self, picnic, send, agent, row, monkeypatch):
        send(picnic, "bob", thread=False)

        def away(*_, **__):
            raise OperationalError("the connection is closed")

        monkeypatch.setattr(agent, "create_post_for_member", away)
        with pytest.raises(OperationalError):
            delivery.poll(ALICE)
        assert row("bob").state == State.SENDING
