"""Drafts are rows with bounds: one for each host and target, gone when they are of no use."""

import importlib
import json
import threading
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone
from tests.fakes.graph import somebody, stored

from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.housekeeping import cleanup
from elonara.invitations import actions, queries
from elonara.invitations.planning import drafts
from elonara.invitations.planning.drafts import Draft
from elonara.invitations.planning.models import InvitationDraft
from elonara.invitations.results import InvitationRefused
from elonara.invitations.targets import Target

BOB, CAROL = "did:plc:bob", "did:plc:carol"
# Emoji and controls: the most a character takes, and what PostgreSQL does not.
WIDE = "\U0001f35e\0" * 3000


def draft_of(host, target, **fields):
    draft = actions.choose(host, target, [CAROL, BOB], shown=[somebody("bob"), somebody("carol")])
    draft.write(fields.get("note", "Bring bread."), {BOB: "For you"}, thread=False)
    actions.write_draft(host, target, draft)
    return draft


def test_a_draft_is_the_same_when_it_is_read_again(alice, picnic):
    kept = draft_of(alice, picnic)
    assert queries.draft(alice, picnic) == kept
    assert kept.dids == [CAROL, BOB], "in the order of choosing"
    assert kept.chosen[0] == {"did": CAROL, "name": "Carol", "handle": "carol.example"}


def test_one_row_for_each_host_and_target(alice, picnic, make_member):
    bob, circle = make_member("bob"), communities.create(alice, name="Bakers")
    events.add_cohost(picnic, by=alice, member=bob)
    events.accept_cohost(picnic, by=bob)
    for _ in range(2):
        draft_of(alice, picnic)
        draft_of(bob, picnic, note="From Bob")
        draft_of(alice, circle)
    assert InvitationDraft.objects.count() == 3
    assert queries.draft(alice, picnic).note == "Bring bread."
    assert queries.draft(bob, picnic).key != queries.draft(alice, picnic).key
    actions.drop_draft(alice, picnic)
    assert queries.draft(bob, picnic).note == "From Bob", "hers is dropped, not his"


def test_two_devices_that_choose_at_once_both_count(alice, picnic):
    dids = [f"did:plc:friend{number}" for number in range(6)]

    def choose(did):
        actions.choose(alice, picnic, [did])
        connection.close()

    threads = [threading.Thread(target=choose, args=(did,)) for did in dids]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(queries.draft(alice, picnic).dids) == dids
    assert InvitationDraft.objects.count() == 1


def test_only_those_who_are_named_change(alice, picnic):
    actions.choose(alice, picnic, [BOB, CAROL])
    actions.choose(alice, picnic, ["did:plc:dan", BOB], [CAROL, "did:plc:nobody"])
    assert queries.draft(alice, picnic).dids == [BOB, "did:plc:dan"], "in the order of choosing, and nobody twice"


def test_words_that_are_saved_change_nobody_who_was_chosen_meanwhile(alice, picnic):
    old = draft_of(alice, picnic)
    actions.choose(alice, picnic, ["did:plc:dan"])
    actions.write_draft(alice, picnic, old)
    assert queries.draft(alice, picnic).dids == [CAROL, BOB, "did:plc:dan"]


def test_names_come_from_the_stored_graph(alice, picnic, friends):
    stored(alice)
    draft = actions.choose(alice, picnic, [CAROL, "did:plc:nobody"])
    assert draft.people == {CAROL: ["Carol", "carol.example"], "did:plc:nobody": ["", ""]}


def test_the_view_is_kept_with_the_choice_and_bounded(alice, picnic):
    actions.choose(alice, picnic, [], view=drafts.PickView("followers", "oldest", "tanaka"))
    actions.choose(alice, picnic, [BOB])
    assert queries.draft(alice, picnic).view == drafts.PickView("followers", "oldest", "tanaka")
    actions.choose(alice, picnic, [], view=drafts.PickView(WIDE, WIDE, WIDE))
    kept = queries.draft(alice, picnic).view
    assert (len(kept.source), len(kept.sort), len(kept.search)) == (80, 8, 100)


def test_whoever_may_not_invite_stores_no_draft(make_member, picnic):
    with pytest.raises(InvitationRefused):
        actions.write_draft(make_member("mallory"), picnic, Draft(key="x"))
    with pytest.raises(InvitationRefused):
        actions.choose(make_member("eve"), picnic, [BOB])
    assert not InvitationDraft.objects.exists()


def test_whatever_a_form_sends_a_row_stays_small(alice, picnic):
    dids = [f"did:web:{number}.{'x' * 300}"[:253] for number in range(2000)] + ["hello", "did:plc:\0", WIDE]
    draft = drafts.choose(alice, Target(picnic), dict.fromkeys(reversed(dids), (WIDE, WIDE)))
    draft.write(WIDE * 300, dict.fromkeys(dids, WIDE), thread=True)
    actions.write_draft(alice, picnic, draft)
    kept = queries.draft(alice, picnic)
    assert kept == draft
    assert len(kept.people) == drafts.MAX_PEOPLE
    assert len(kept.note) == drafts.MAX_NOTE
    assert "\0" not in kept.note + "".join(kept.lines.values())
    row = InvitationDraft.objects.get()
    sizes = {name: len(json.dumps(getattr(row, name), ensure_ascii=False).encode()) for name in
             ("people", "lines", "note")}  # fmt: skip
    assert sum(sizes.values()) < 1_250_000, sizes
    assert sizes["note"] < 10_000


def test_a_host_has_so_many_drafts_and_the_oldest_go(alice, clock, monkeypatch):
    monkeypatch.setattr(drafts, "MAX_DRAFTS", 3)
    made = [communities.create(alice, name=f"Bakers {number}") for number in range(5)]
    for community in made:
        clock.pass_(minutes=1)
        draft_of(alice, community)
    assert list(InvitationDraft.objects.order_by("pk").values_list("community_id", flat=True)) == [
        community.pk for community in made[2:]
    ]


@pytest.mark.parametrize("end", ["started", "cancelled", "closed", "old", "account"])
def test_a_draft_of_no_use_is_deleted(alice, picnic, make_member, clock, end):
    target = communities.create(alice, name="Bakers") if end == "closed" else picnic
    host = make_member("bob")
    if target is picnic:
        events.add_cohost(picnic, by=alice, member=host)
        events.accept_cohost(picnic, by=host)
    draft_of(host if target is picnic else alice, target)
    assert drafts.forget_past() == 0
    if end == "started":
        clock.pass_(days=400)
    elif end == "cancelled":
        events.cancel(picnic, alice)
    elif end == "closed":
        communities.close(target, alice)
    elif end == "old":
        InvitationDraft.objects.update(changed_at=timezone.now() - timedelta(days=61))
    else:
        host.delete()
    cleanup.clear()
    assert not InvitationDraft.objects.exists()


@pytest.fixture
def move():
    """Runs what the migration does with sessions."""
    migration = importlib.import_module("elonara.migrations.0009_drafts_as_rows")
    return lambda: migration.move_drafts(apps, connection.schema_editor())


def session_with(member, **values):
    store = SessionStore()
    store.update({"_auth_user_id": str(member.pk), "browser": "hers"} | values)
    store.save()
    return store.session_key


def old_draft(**fields):
    return {"people": {CAROL: ["Carol", "carol.example"], BOB: ["", ""]}, "note": "Bring bread.", "lines": {BOB: "You"},
            "thread": False, "key": "k1", "shown": {}} | fields  # fmt: skip


def test_drafts_of_0_1_0_are_taken_over_once(alice, picnic, move):
    circle = communities.create(alice, name="Bakers")
    key = session_with(alice, **{f"invite:event:{picnic.pk}": old_draft(), f"invite:community:{circle.pk}": old_draft(),
                                 "invite:event:999999": old_draft(), "invite:event:x": 5})  # fmt: skip
    move()
    assert set(SessionStore(key).load()) == {"_auth_user_id", "browser"}
    taken = queries.draft(alice, picnic)
    assert (taken.dids, taken.note, taken.lines, taken.thread, taken.key) == (
        [CAROL, BOB], "Bring bread.", {BOB: "You"}, False, "k1",
    )  # fmt: skip
    assert queries.draft(alice, circle).note == "Bring bread."
    assert InvitationDraft.objects.count() == 2
    draft_of(alice, picnic, note="Newer")
    move()
    assert queries.draft(alice, picnic).note == "Newer"


def test_an_old_draft_is_bounded_and_a_session_too_large_to_read_is_ended(alice, picnic, move):
    name = f"invite:event:{picnic.pk}"
    readable = session_with(alice, **{name: old_draft(note="n" * 200_000)})
    huge = session_with(alice, **{f"{name}0": old_draft(note="n" * 1_900_000)})
    odd = session_with(alice, **{name + "1": {"people": 3}})
    Session.objects.create(session_key="broken", session_data=".!!:x", expire_date=timezone.now() + timedelta(days=1))
    move()
    assert len(queries.draft(alice, picnic).note) == drafts.MAX_NOTE
    assert set(Session.objects.values_list("pk", flat=True)) == {readable, odd, "broken"}
    assert huge not in Session.objects.values_list("pk", flat=True)
