"""The state machine: the table in the code is the one in the documentation."""

import re
from pathlib import Path

import pytest

from elonara.invitations import reasons, states
from elonara.invitations.models import ON_ITS_WAY, State
from elonara.invitations.states import Transition

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs" / "invitations.md"
SOURCE = ROOT / "src" / "elonara"


def test_the_documentation_shows_the_table_of_the_code():
    assert states.render() in DOCS.read_text(encoding="utf-8")


def test_every_state_can_be_reached():
    assert {rule.target for rule in states.TABLE} == set(State)


def test_a_sent_post_is_never_queued_again():
    assert [rule.transition for rule in states.TABLE if State.SENT in rule.sources] == [Transition.UNDO]
    with pytest.raises(states.TransitionNotAllowed):
        states.next_state(Transition.REQUEUE, State.SENT)


def test_a_transition_leads_from_one_state_to_one_other():
    pairs = [(source, rule.transition) for rule in states.TABLE for source in rule.sources]
    assert len(pairs) == len(set(pairs))


def test_the_documentation_explains_every_reason():
    text = DOCS.read_text(encoding="utf-8")
    missing = [code for code in reasons.REASONS if f"`{code}`" not in text]
    assert not missing


@pytest.mark.parametrize("states_of_one_name", [states.PENDING, states.IN_PROGRESS, ON_ITS_WAY])
def test_states_that_have_a_name_together_are_called_by_it(states_of_one_name):
    names = sorted(f"State.{state.name}" for state in states_of_one_name)
    spelled = [
        f"{path.name}: {found}"
        for path in SOURCE.rglob("*.py")
        if path.name != "models.py" and "migrations" not in path.parts
        for found in re.findall(r"[(\[{](State\.[A-Z_]+(?:, State\.[A-Z_]+)+)[)\]}]", path.read_text(encoding="utf-8"))
        if sorted(found.split(", ")) == names
    ]
    assert spelled == []
