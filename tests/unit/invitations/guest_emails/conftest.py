"""Alice's picnic with guests of every sort, and a mail server that is fake."""

import pytest
from allauth.account.models import EmailAddress
from tests.unit.invitations.email.conftest import *  # noqa: F403
from tests.unit.invitations.email.mail import SENT, token_in

from elonara import jobs
from elonara.events.guests import rsvps
from elonara.events.messages.models import GuestMessage
from elonara.invitations.responses import email_reader


@pytest.fixture
def with_address(make_member):
    """`with_address("bob")` makes a member whose address bob@example.org is verified."""

    def make(name, **fields):
        member = make_member(name, **fields)
        EmailAddress.objects.create(user=member, email=f"{name}@example.org", verified=True, primary=True)
        return member

    return make


@pytest.fixture
def going():
    """`going(event, member)`: she answers going; or something else."""

    def answer(event, member, choice="going"):
        return rsvps.respond(event, choice=choice, member=member)

    return answer


@pytest.fixture
def bob(picnic, with_address, going):
    """Going, with an address."""
    member = with_address("bob", display_name="Bob", timezone="America/New_York")
    going(picnic, member)
    return member


@pytest.fixture
def ana(write):
    """`ana(event)`: Ana is invited by e-mail and answers going; what she was sent so far is forgotten."""

    def answer(event, choice="going"):
        write(event)
        jobs.drain()
        row = email_reader.by_token(token_in(SENT[-1]))
        email_reader.respond(row, choice)
        SENT.clear()
        return row

    return answer


@pytest.fixture
def settle(clock):
    """Let the minutes pass in which edits join, and let the jobs run."""

    def pass_(**time):
        clock.pass_(**(time or {"minutes": 3}))
        jobs.drain()

    return pass_


@pytest.fixture
def told():
    """The states of all rows, by the reader's name or DID."""
    return lambda: sorted(
        (row.member.username if row.member else row.did or "by e-mail", row.kind, row.state)
        for row in GuestMessage.objects.select_related("member")
    )
