"""Questions to guests on the pages: of the host, of members, by personal link, by e-mail."""

import pytest
from django.utils import timezone
from tests.fakes.oauth import BOB
from tests.pages import page_text

from elonara.events.guests import questions, rsvps
from elonara.events.models import GivenAnswer, Rsvp
from elonara.invitations.email.tokens import token_hash
from elonara.invitations.models import EmailInvitation


@pytest.fixture
def asking(picnic, alice):
    questions.ask(picnic, alice, [
        {"text": "What do you eat?", "kind": "choice", "options": ["All", "Vegan"], "required": True},
        {"text": "Anything else?"},
    ])  # fmt: skip
    return picnic


@pytest.fixture
def names(asking):
    """The names of the two fields."""
    return [f"question_{row.pk}" for row in questions.of_event(asking)]


def said():
    return dict(GivenAnswer.objects.values_list("question__text", "value"))


def test_a_member_answers_in_the_same_press(client, signed_in, make_member, asking, names):
    signed_in(make_member("bob"))
    address = f"/events/{asking.slug}"
    assert "What do you eat?" in page_text(client.get(address))
    refused = client.post(f"{address}/answer", {"answer": "going", names[1]: "No nuts", "note": "Hello"})
    assert refused.status_code == 400
    page = page_text(refused)
    assert "Please answer." in page
    assert "No nuts" in page
    assert not Rsvp.objects.exists()
    page = page_text(client.post(f"{address}/answer", {"answer": "going", names[0]: "Vegan"}, follow=True))
    assert "You are going." in page
    assert said() == {"What do you eat?": "Vegan"}
    page = page_text(client.get(address))
    assert "Vegan" in page
    fold = page.partition("<details")[2].partition("</details>")[0]
    assert fold.partition(">")[0].split() == ['class="fold"', "open"], "one question is still open"
    assert 'value="going">Save</button>' in fold
    client.post(f"{address}/answer", {"answer": "going", names[0]: "All", names[1]: "No"})
    page = page_text(client.get(address))
    assert page.partition("<details")[2].startswith(' class="fold">')
    client.post(f"{address}/answer", {"answer": "cant", names[1]: ""})
    fold = page_text(client.get(address)).partition("<details")[2].partition("</details>")[0]
    assert fold.startswith(' class="fold">'), "who can’t come is asked nothing"
    assert "Save" not in fold


def test_by_personal_link_before_the_proof(client, asking, names, invited, authorize):
    invitation = invited(asking)
    sent = {"answer": "going", names[0]: "All", names[1]: "No nuts"}
    authorize(client, client.post(f"/i/{invitation.ref}", sent), BOB)
    assert said() == {"What do you eat?": "All", "Anything else?": "No nuts"}
    client.post(f"/i/{invitation.ref}", {"answer": "going"})  # as the inbox sends it
    assert said() == {"What do you eat?": "All", "Anything else?": "No nuts"}
    assert "No nuts" in page_text(client.get(f"/i/{invitation.ref}"))


def test_by_email(client, alice, asking, names):
    EmailInvitation.objects.create(
        event=asking, host=alice, address_hash="a" * 64, token_hash=token_hash("key"), state="sent",
        due_at=timezone.now(),
    )  # fmt: skip
    refused = client.post("/rsvp/key", {"answer": "going"})
    assert refused.status_code == 400
    assert "What do you eat? Please answer." in page_text(refused)
    client.post("/rsvp/key", {"answer": "going", names[0]: "All"})
    assert said() == {"What do you eat?": "All"}


def test_hosts_alone_read_what_was_said(client, signed_in, alice, make_member, asking, names):
    rsvps.respond(
        asking, choice="going", did="did:plc:x", invited=True, answers={names[0][9:]: "Vegan", names[1][9:]: "No nuts"}
    )
    bob = make_member("bob")
    rsvps.respond(asking, choice="going", member=bob, answers={names[0][9:]: "All"})
    assert "No nuts" not in page_text(signed_in(bob).get(f"/events/{asking.slug}"))
    assert client.get(f"/events/{asking.slug}/guests.csv").status_code == 403
    assert client.get(f"/events/{asking.slug}/questions").status_code == 403
    assert "No nuts" in page_text(signed_in(alice).get(f"/events/{asking.slug}/manage?tab=guests"))
    guest = Rsvp.objects.get(did="did:plc:x")
    assert "No nuts" in page_text(client.get(f"/events/{asking.slug}/guests/{guest.pk}"))
    table = client.get(f"/events/{asking.slug}/guests.csv")
    assert table["Content-Type"] == "text/csv; charset=utf-8"
    assert "No nuts" in table.content.decode()


def test_the_host_writes_changes_and_takes_away(client, signed_in, alice, picnic):
    address = f"/events/{picnic.slug}/questions"
    signed_in(alice)
    form = {"text1": "Diet?", "kind1": "choice", "options1": "All\n\nVegan\n", "required1": "on", "kind2": "text"}
    assert client.post(address, form).status_code == 302
    (row,) = questions.of_event(picnic)
    assert (row.text, row.kind, row.options, row.required) == ("Diet?", "choice", ["All", "Vegan"], True)
    assert ">All\nVegan</textarea>" in client.get(address).content.decode()
    refused = client.post(address, {"id1": row.pk, "text1": "Diet?", "kind1": "choice", "options1": "All"})
    assert refused.status_code == 400
    assert "A choice has 2 to 20 different answers." in page_text(refused)
    assert client.post(address, {"id1": row.pk, "text1": "", "kind1": "text"}).status_code == 302
    assert questions.of_event(picnic) == []
    assert client.get(address).status_code == 200
