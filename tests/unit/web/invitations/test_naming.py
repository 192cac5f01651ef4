"""Pick: handles, DIDs and links that are pasted, a hundred at once; each line that fails says why beside it."""

import html
import re

import pytest
from tests.fakes.graph import somebody, stored
from tests.pages import page_text

from elonara.bluesky.graph.models import KnownPerson
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.events import actions as events
from elonara.invitations import queries
from elonara.invitations.planning import drafts

CAROL, DAN = "did:plc:carol", "did:plc:dan"


@pytest.fixture
def paste(signed_in, alice, friends, picnic):
    """`paste("carol.example", go="add")`: the response to the button, with this text in the field."""
    client = signed_in(alice)
    friends.people += [
        somebody("eve", follows_you=False, you_follow=False), somebody("nils", blocked_by=True),
        somebody("max", muted=True),
    ]  # fmt: skip
    stored(alice)

    def go(text, go="add", **fields):
        return client.post(f"/events/{picnic.slug}/manage?tab=invite", {"who": text, "go": go, **fields})

    return go


@pytest.fixture
def chosen(alice, picnic):
    return lambda: queries.draft(alice, picnic).dids


def left(response):
    """What is still in the field."""
    return html.unescape(re.search(r'name="who".*?>(.*?)</textarea>', page_text(response), re.DOTALL)[1]).split()


def reasons(response):
    """The sentences beside the lines, in order."""
    page = html.unescape(page_text(response))
    part = page.partition('id="left-out"')[2].partition("</ul>")[0]
    return [
        " ".join(re.sub(r"<.*?>", "", one).split()) for one in re.findall(r'<p class="reason">(.*?)</p>', part, re.S)
    ]


def test_a_hundred_who_are_stored_are_chosen_at_once_in_four_requests(paste, chosen, friends, alice):
    friends.people += [somebody(f"p{n}") for n in range(100)]
    stored(alice)
    friends.asked.clear()
    response = paste("\r\n".join(f"@P{n}.Example" for n in range(100)))
    assert response.status_code == 302
    assert chosen() == [f"did:plc:p{n}" for n in range(100)]
    assert [len(names) for _, names in friends.asked] == [25, 25, 25, 25]


def test_every_line_that_fails_says_why_and_stays(paste, chosen):
    paste("carol.example")
    response = paste(
        "dan.example, carol.example;\nana\nnobody.example https://bsky.app/profile/eve.example\n"
        "nils.example @max.example."
    )
    assert response.status_code == 400
    assert chosen() == [CAROL, DAN]
    page = html.unescape(page_text(response))
    assert "Dan was added." in re.sub(r"<.*?>", "", page)
    assert left(response) == [
        "ana", "nobody.example", "https://bsky.app/profile/eve.example", "nils.example", "@max.example."
    ]  # fmt: skip
    assert [one[:46] for one in reasons(response)] == [
        "Already chosen.",
        "This is not a handle, DID or profile link. Ent",
        "Bluesky has no account called nobody.example. ",
        "Neither of you follows the other. Copy the lin",
        "This account blocks you on Bluesky. Bluesky wo",
        "You mute this account on Bluesky. Copy the lin",
    ]


def test_a_stranger_is_greyed_with_a_link_to_copy_and_never_chosen(paste, chosen):
    response = paste("eve.example")
    assert re.search(r'data-copy="http\S+/events/winter-picnic" hidden>Copy link', page_text(response))
    assert chosen() == []
    assert not KnownPerson.objects.filter(did="did:plc:eve").exists(), "and is not stored"


def test_nobody_is_told_to_copy_the_link_of_what_is_private(paste, chosen, alice, picnic):
    events.change(picnic, by=alice, visibility="private")
    page = page_text(paste("eve.example"))
    assert "Neither of you follows the other" in page
    assert "A link alone lets nobody in: only invited people can open the page." in page
    assert "opy the link" not in page
    assert "Copy link" not in page
    assert chosen() == []


def test_what_was_named_twice_is_chosen_once(paste, chosen):
    assert paste(f"carol.example {CAROL} @CAROL.example").status_code == 302
    assert chosen() == [CAROL]


def test_only_people_who_are_chosen_already_leave_nothing_to_do(paste, chosen):
    paste("carol.example")
    response = paste("carol.example")
    assert (response.status_code, left(response), reasons(response)) == (200, [], ["Already chosen."])
    assert "Nobody was added." in page_text(response)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (" ".join(f"p{n}.example" for n in range(101)), "101 names are here; 100 can be added at once."),
        ("a" * 30_001, "This text is too long"),
        (" , ;", "Enter at least one handle"),
    ],
)
def test_too_much_or_nothing_is_one_sentence_and_everything_is_kept(paste, chosen, friends, text, sentence):
    friends.asked.clear()
    response = paste(text)
    assert response.status_code in {200, 400}
    assert page_text(response).count(sentence) == 1
    assert left(response) == text.split()
    assert not friends.asked
    assert chosen() == []


def test_without_the_network_the_stored_are_chosen_and_the_others_stay(paste, chosen, friends):
    friends.down = GraphUnavailable("unreachable", "Your server does not answer. Try again in a minute.")
    response = paste("carol.example nobody.example")
    assert chosen() == [CAROL]
    assert left(response) == ["nobody.example"]
    assert reasons(response) == ["Your server does not answer. Try again in a minute."]


def test_next_takes_what_is_in_the_field_and_stops_once_for_what_is_left(paste, chosen):
    assert paste("carol.example", go="next")["location"].endswith("step=check")
    assert chosen() == [CAROL]
    response = paste("dan.example eve.example", go="next")
    assert (response.status_code, chosen()) == (400, [CAROL, DAN])
    tried = "\n".join(left(response))
    assert paste(tried, go="next", tried=tried)["location"].endswith("step=check"), "she has read why"


def test_a_choice_that_is_full_takes_no_more(paste, chosen, monkeypatch):
    monkeypatch.setattr(drafts, "MAX_PEOPLE", 1)
    response = paste("carol.example dan.example")
    assert chosen() == [CAROL]
    assert left(response) == ["dan.example"]
    assert "no more fit" in reasons(response)[0]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "\"onmouseover='x'",
        "</textarea><b>x",
        "\u202etxt.exe",
        "a\u0301" * 3000,
        "\u0000nul",
        "🌻.example",
        "{{ x }}",
    ],
)
def test_whatever_is_typed_is_shown_as_text(paste, text):
    response = paste(text)
    page = page_text(response)
    assert response.status_code == 400
    for part in ("<script>alert", "</textarea><b>", "\"onmouseover='"):
        assert part not in page
    assert len(page) < 100_000


def test_who_may_not_invite_chooses_nobody(paste, client, make_member, signed_in, picnic):
    stranger = signed_in(make_member("mallory"))
    response = stranger.post(f"/events/{picnic.slug}/manage?tab=invite", {"who": "carol.example", "go": "add"})
    assert response.status_code in {403, 404}
