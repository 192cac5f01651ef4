"""Check: the host changes the sentence of her posts, sees it in each of them, and has a way back to ours."""

from datetime import timedelta

import pytest
from tests.pages import page_text, shown

from elonara.events import actions as events
from elonara.invitations import queries
from elonara.invitations.models import Batch, Invitation
from elonara.invitations.targets import Target

CAROL, DAN = "did:plc:carol", "did:plc:dan"
OWN = "Come swim with us"


@pytest.fixture
def check(signed_in, alice, friends, picnic):
    """`check(data)`: POST to Check, or without data GET it. Carol and Dan are chosen."""
    client = signed_in(alice)
    address = f"/events/{picnic.slug}/manage?tab=invite"
    client.post(address, {"did": [CAROL, DAN], "go": "next"})

    def go(data=None):
        return client.post(f"{address}&step=check", data) if data else client.get(f"{address}&step=check")

    return go


def field_of(response):
    page = response.content.decode()
    return page.partition('name="sentence"')[2].partition(">")[2].partition("</textarea>")[0]


def usual_in(page):
    return "Use the usual sentence" in page


def test_the_field_holds_what_we_would_say(check, picnic):
    response = check()
    assert field_of(response) == queries.usual_sentence(picnic).replace("'", "&#x27;")
    page = page_text(response)
    assert not usual_in(page)
    assert "more characters fit." in page
    assert "without a name with @, a web address or a #tag" in page


def test_every_post_shows_hers_and_ours_comes_back(check, picnic):
    check({"sentence": OWN, "proposed": queries.usual_sentence(picnic), "go": "preview"})
    page = page_text(check())
    assert page.count(f"{OWN} —") == 2
    assert "I&#x27;d love you to come" not in page.replace('value="I&#x27;d love', "")
    assert usual_in(page)
    assert field_of(check()) == OWN
    check({"sentence": OWN, "go": "usual"})
    page = page_text(check())
    assert OWN not in page
    assert not usual_in(page)


def test_the_button_that_enter_presses_shows_the_posts(check):
    for _ in range(2):
        form = check().content.decode().partition('id="check"')[2]
        assert form.partition("<button")[2].partition(">")[2].strip().startswith("Update the posts")
        check({"sentence": OWN, "go": "preview"})
    assert usual_in(form)


def test_send_sends_what_was_shown_and_a_sentence_that_was_not_is_shown_first(check):
    check({"sentence": OWN, "go": "preview"})
    seen = shown(check())
    response = check({"sentence": "Another one", "go": "send"} | seen)
    assert response.status_code == 400
    assert "This has changed since you saw it." in page_text(response)
    assert not Invitation.objects.exists()
    assert check({"sentence": "Another one", "go": "send"} | shown(response)).status_code == 302
    assert {row.record["text"].split(" — ")[0] for row in Invitation.objects.all()} == {
        "@carol.example Another one", "@dan.example Another one",
    }  # fmt: skip
    assert Batch.objects.get().sentence == "Another one"


def test_what_is_refused_stays_in_the_field_with_the_reason_beside_it(check):
    check({"sentence": "Ask @eve.example", "go": "preview"})
    response = check()
    assert response.status_code == 400
    page = page_text(response)
    assert field_of(response) == "Ask @eve.example"
    assert 'aria-invalid="true"' in page
    assert "“@eve.example” in your sentence looks like a mention." in page
    assert usual_in(page), "the way back is there"
    assert check({"sentence": "Ask @eve.example", "go": "send"}).status_code == 400
    assert not Invitation.objects.exists()


def test_white_space_alone_is_the_usual_sentence(check, picnic):
    check({"sentence": " \u200b\n ", "go": "preview"})
    assert field_of(check()) == queries.usual_sentence(picnic).replace("'", "&#x27;")


def test_markup_in_it_is_text(check):
    check({"sentence": "<b>Come</b> & swim", "go": "preview"})
    page = check().content.decode()
    assert "<b>Come" not in page
    assert page.count("&lt;b&gt;Come&lt;/b&gt; &amp; swim") == 3


def test_she_is_told_before_she_sends_what_she_wrote_before_an_edit(check, alice, picnic):
    check({"sentence": OWN, "go": "preview"})
    events.change(picnic, by=alice, starts_at=picnic.starts_at + timedelta(hours=1))
    page = page_text(check())
    assert "You wrote your sentence before the time changed" in page
    assert page.count(f"{OWN} —") == 2


def test_a_page_of_before_that_has_no_such_field_keeps_what_is_written(check):
    check({"sentence": OWN, "go": "preview"})
    check({"note": "Bring bread.", "go": "preview"})
    assert field_of(check()) == OWN


def test_that_posts_are_public_is_said_once_and_the_other_warnings_too(check, alice, picnic):
    events.change(picnic, by=alice, visibility="private")
    text = page_text(check())
    assert text.count("are public: everyone can see who you invite.") == 1
    assert "it shows that you invite this person to one." in text
    assert "sending stops at once." in text


def test_what_names_a_private_event_stays_in_the_field_with_the_reason(check, alice, picnic):
    events.change(picnic, by=alice, visibility="private")
    response = check({"sentence": f"My {picnic.title} again", "go": "preview"})
    assert response["location"].endswith("#posts"), "the posts are what she asked for"
    response = check()
    assert field_of(response) == f"My {picnic.title} again"
    assert f"Posts are public, and “{picnic.title}” in your sentence is private." in page_text(response)
    assert "became private" not in page_text(response)


def test_the_invitation_says_it_and_not_once_it_may_not_be_said(client, invited, alice, picnic):
    invitation = invited(picnic)
    Batch.objects.update(sentence=OWN, sentence_facts=Target(picnic).facts)
    address = f"/i/{invitation.ref}"
    page = page_text(client.get(address))
    assert f"{OWN} Bring bread." in page
    events.change(picnic, by=alice, title=OWN, visibility="private")
    assert OWN not in page_text(client.get(address))
