"""The table of states: the one in the code is the one in the documentation."""

from pathlib import Path

import pytest

from elonara.invitations import reasons, states
from elonara.invitations.models import State
from elonara.invitations.states import Transition

DOCS = Path(__file__).resolve().parents[3] / "docs" / "invitations.md"


def test_the_documentation_shows_the_table_of_the_code():
    assert states.render() in DOCS.read_text(encoding="utf-8")


def test_every_state_can_be_reached():
    assert {row.target for row in states.TABLE} == set(State)


def test_a_sent_post_is_never_queued_again():
    assert [row.event for row in states.TABLE if State.SENT in row.sources] == [Transition.UNDO]
    with pytest.raises(states.TransitionNotAllowed):
        states.next_state(Transition.REQUEUE, State.SENT)


def test_one_event_leads_from_one_state_to_one_other():
    pairs = [(source, row.event) for row in states.TABLE for source in row.sources]
    assert len(pairs) == len(set(pairs))


def test_the_documentation_explains_every_reason():
    text = DOCS.read_text(encoding="utf-8")
    missing = [code for code in reasons.REASONS if f"`{code}`" not in text]
    assert not missing
