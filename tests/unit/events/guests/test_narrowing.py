"""What hosts narrow their guest list to, and that others narrow nothing."""

import csv
import io
import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from elonara.events.guests import export, guest_list, questions
from elonara.events.guests.narrowing import ANSWERS, CAME_BY, GuestFilter
from elonara.events.models import GivenAnswer, Rsvp
from elonara.invitations.models import EmailInvitation
from elonara.members.errors import NotAllowed


@pytest.fixture
def guest(picnic, make_member, alice):
    numbers = itertools.count()

    def make(name, by="bluesky", choice="going", **fields):
        number = next(numbers)
        who = {"did": f"did:plc:g{number}", "name": name}
        if by == "member":
            who = {"member": make_member(f"user{number}", did=f"did:plc:m{number}", display_name=name)}
        elif by == "email":
            letter = EmailInvitation.objects.create(
                event=picnic, host=alice, address_hash=f"{number}", token_hash=f"{number}", due_at=timezone.now(),
                address_enc="x",
            )  # fmt: skip
            who = {"email_invitation": letter, "name": name}
        elif by == "name":
            who = {"added_by_host": True, "name": name}
        return Rsvp.objects.create(event=picnic, choice=choice, **who | fields)

    return make


@pytest.fixture
def listed(picnic, alice):
    def names(**wanted):
        return [guest.name for guest in guest_list.guest_list(picnic, alice, wanted=GuestFilter(**wanted)).guests]

    return names


def test_by_answer(guest, listed):
    for choice in Rsvp.Choice.values:
        guest(choice, choice=choice)
    assert {group: set(listed(answer=group)) for group in ANSWERS} == {
        "going": {"going"},
        "maybe": {"maybe"},
        "waiting": {"waiting", "offered"},
        "asked": {"asked"},
        "cant": {"cant", "refused"},
    }


def test_by_how_they_came(guest, listed):
    for by in CAME_BY:
        guest(by, by=by)
    assert {by: listed(by=by) for by in CAME_BY} == {by: [by] for by in CAME_BY}


def test_who_owes_an_answer(guest, listed, picnic, alice):
    for choice in Rsvp.Choice.values:
        guest(choice, choice=choice)
    assert listed(unanswered=True) == []
    asked = {"text": "Diet?", "required": True}, {"text": "Car?"}, {"text": "Room?", "required": True}
    diet, car, room = questions.ask(picnic, alice, asked)
    assert set(listed(unanswered=True)) == {"going", "waiting", "asked", "offered"}
    row = Rsvp.objects.get(choice="going")
    GivenAnswer.objects.create(rsvp=row, question=diet, value="Vegan")
    GivenAnswer.objects.create(rsvp=row, question=car, value="No")
    assert "going" in listed(unanswered=True)
    GivenAnswer.objects.create(rsvp=row, question=room, value="1")
    assert set(listed(unanswered=True)) == {"waiting", "asked", "offered"}
    questions.ask(picnic, alice, [])  # what was answered is retired, and owed by nobody
    assert listed(unanswered=True) == []


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("lukasz", ["Łukasz Öğe"]),
        ("OGE ŁUK", ["Łukasz Öğe"]),
        ("サク", ["サクラ"]),
        ("ｻｸﾗ", ["サクラ"]),
        ("ö", ["Łukasz Öğe"]),
        ("@ann.bsky", ["Somebody"]),
        ("user1.example", ["Dora"]),
        ("nobody", []),
        ("  ", ["Łukasz Öğe", "サクラ", "Somebody", "Dora"]),
    ],
)
def test_a_search_folds_as_every_other_one(guest, listed, q, names):
    guest("Łukasz Öğe")
    guest("Dora", by="member")
    guest("サクラ", by="name")
    guest("Somebody", handle="ann.bsky.social")
    assert sorted(listed(q=q)) == sorted(names)


def test_all_of_it_holds_with_pages_and_the_numbers_stay(guest, picnic, alice):
    for number in range(7):
        guest(f"Anna {number}", by="name" if number % 2 else "member")
    guest("Anna late", by="member", choice="maybe")
    found = guest_list.guest_list(
        picnic, alice, page=2, page_size=3, wanted=GuestFilter(answer="going", by="member", q="anna")
    )
    assert [one.name for one in found.guests] == ["Anna 6"]
    assert (found.named, found.page, found.pages, found.going, found.maybe) == (4, 2, 2, 7, 1)
    plain = guest_list.guest_list(picnic, alice, page=9, page_size=3, wanted=GuestFilter(by="member"))
    assert (plain.named, plain.page, plain.pages, len(plain.guests)) == (5, 2, 2, 2)


def test_the_table_holds_those_alone(guest, picnic, alice, make_member):
    guest("=Änne")
    guest("Bob", choice="maybe")
    text = export.guests_csv(picnic, alice, GuestFilter(answer="going", q="anne"))
    assert text.startswith("\ufeff")
    assert [row[0] for row in csv.reader(io.StringIO(text[1:]))] == ["Name", "'=Änne"]
    with pytest.raises(NotAllowed):
        export.guests_csv(picnic, make_member("mallory"), GuestFilter(q="anne"))


def test_guests_learn_nothing_by_a_filter(guest, picnic):
    bob = guest("Bob", by="member").member
    guest("Carol")
    plain = guest_list.guest_list(picnic, bob)
    for wanted in (GuestFilter(by="email"), GuestFilter(q="carol"), GuestFilter(answer="cant", unanswered=True)):
        assert guest_list.guest_list(picnic, bob, wanted=wanted) == plain


@pytest.mark.parametrize("wanted", [{"q": "guest"}, {"answer": "going", "by": "name", "unanswered": True}])
def test_as_many_queries_for_many(guest, picnic, alice, wanted):
    questions.ask(picnic, alice, [{"text": "Diet?", "required": True}])
    numbers = []
    for count in (1, 9, 90):
        for _ in range(count):
            guest("Guest", by="name")
        with CaptureQueriesContext(connection) as seen:
            found = guest_list.guest_list(picnic, alice, page_size=50, wanted=GuestFilter(**wanted))
        assert found.named == Rsvp.objects.count()
        numbers.append(len(seen))
    assert numbers[0] == numbers[1] == numbers[2]
