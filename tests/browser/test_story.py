"""Inviting and answering end to end, through the PDS's own pages: with JavaScript, and without."""

import re

import pytest
from tests.browser import people


@pytest.fixture(scope="module")
def ref_of():
    """Finds the path of an invitation in the host's posts, as the invitee would see it."""

    def find(network, invitee, title, said=""):
        network.sync()
        with network.client() as client:
            did = network.accounts["alice.test"].did
            response = client.get(
                f"{network.pds}/xrpc/com.atproto.repo.listRecords",
                params={"repo": did, "collection": "app.bsky.feed.post", "limit": 100},
            ).json()
        texts = [row["value"]["text"] for row in response["records"]]
        wanted = [text for text in texts if f"@{invitee}" in text and title in text]
        assert wanted, texts
        assert f"@{invitee} {said} — http" in wanted[0] or not said, wanted
        return re.search(r"/i/[\w-]+", wanted[0]).group()

    return find


def shows(page, number, text):
    """Wait until this post of the preview has the text."""
    page.locator(".post .text").nth(number).filter(has_text=text).wait_for(state="attached")


@pytest.mark.parametrize("javascript", [True, False], ids=["with javascript", "without javascript"])
def test_a_host_invites_and_an_invitee_answers(open_browser, network, site, host_jar, ref_of, picture, javascript):
    title = f"Winter picnic {'with' if javascript else 'without'} scripts"
    mode = "js" if javascript else "nojs"
    host = open_browser(jar=host_jar, javascript=javascript)

    slug = people.create_event(host, title)
    picture(host, f"{mode}-1-pick")
    people.pick(host, "bob.test", "dan.test")
    host.get_by_text("Change the sentence, or add a note").click()
    host.get_by_label(re.compile("Note to all 2")).fill("We share one long table.")
    # Her own sentence, and back to ours, and hers again. With scripts the posts follow what she writes.
    update = host.get_by_role("button", name="Update the posts")
    usual, said = host.get_by_label("Your sentence").input_value(), f"Come and share {title} with us"
    assert title in usual
    host.get_by_label("Your sentence").fill("Soup for everybody")
    if javascript:
        assert not update.is_visible()
    else:
        update.click()
    for number in (1, 2):
        shows(host, number, "Soup for everybody — ")
    host.get_by_role("button", name="Use the usual sentence").click()
    shows(host, 1, usual)
    host.get_by_label("Your sentence").fill("Ask @dan.test")
    if not javascript:
        update.click()
    host.get_by_text("looks like a mention").first.wait_for()
    host.get_by_label("Your sentence").fill(said)
    if not javascript:
        update.click()
    shows(host, 1, f"{said} — ")
    assert "We share one long table." in host.locator(".post .text").nth(1).inner_text()
    picture(host, f"{mode}-2-check")
    people.send_and_watch(host, 2)
    picture(host, f"{mode}-3-watch")

    # Bob opens the link from his Bluesky app: a phone, no cookies.
    bob = open_browser(phone=True, javascript=javascript)
    ours = []
    bob.on("framenavigated", lambda frame: ours.append(frame.url) if frame.url.startswith(site.url) else None)
    ref = ref_of(network, "bob.test", title, said)
    bob.goto(ref)
    picture(bob, f"{mode}-4-invitation")
    assert bob.get_by_text("Alice Moreira").first.is_visible()
    if not javascript:
        people.hold_at_the_pds(bob)
    bob.get_by_role("button", name="Going").click()
    people.at_the_pds(bob, network, "bob.test", javascript=javascript)
    bob.get_by_text("You are going.").wait_for()
    if javascript:  # without it, the stand-in for the PDS's page has a URL of this site
        assert len(ours) == 2, f"one screen of ours before the answer, and the one that says it: {ours}"
    picture(bob, f"{mode}-5-answered")

    # The second invitation takes one click: Bob is already proved in this browser.
    second = f"Soup evening {mode}"
    people.create_event(host, second, days=20)
    people.pick(host, "bob.test")
    people.send_and_watch(host, 1)
    bob.goto(ref_of(network, "bob.test", second))
    bob.get_by_role("button", name="Maybe").click()
    bob.get_by_text("You answered Maybe.").wait_for()

    # The host sees both answers, and Bob's inbox shows both invitations without an account.
    host.goto(f"/events/{slug}/manage?tab=guests")
    assert host.get_by_role("cell", name="Going").is_visible()
    host.goto(f"/events/{slug}/manage?tab=invite&step=watch")
    assert host.get_by_text("answered").first.is_visible()
    bob.goto("/invitations")
    assert bob.get_by_text(title).first.count() == 1
    assert not host.complaints + bob.complaints


def test_another_account_reads_whose_invitation_it_is(open_browser, network, host_jar, ref_of, picture):
    host = open_browser(jar=host_jar)
    people.create_event(host, "Board games slowly")
    people.pick(host, "carol.test")
    people.send_and_watch(host, 1)

    dan = open_browser(phone=True)
    ref = ref_of(network, "carol.test", "Board games slowly")
    dan.goto("/invitations")
    dan.get_by_label("Your Bluesky handle").fill("dan.test")
    dan.get_by_role("button", name="Continue with Bluesky").click()
    people.at_the_pds(dan, network, "dan.test")
    dan.get_by_role("heading", name="Invitations to you").wait_for()
    dan.goto(ref)
    assert dan.get_by_text("You are @dan.test; this invitation is for @carol.test").is_visible()
    picture(dan, "another-account")


def test_stopping_invitations_takes_two_clicks_and_a_proof(open_browser, network, host_jar, ref_of, picture):
    host = open_browser(jar=host_jar)
    people.create_event(host, "Seed swap")
    people.pick(host, "carol.test")
    people.send_and_watch(host, 1)

    carol = open_browser(phone=True)
    carol.goto(ref_of(network, "carol.test", "Seed swap"))
    carol.get_by_role("link", name="Stop invitations from Alice").click()
    picture(carol, "stop")
    carol.get_by_role("button", name="Stop invitations").click()
    people.at_the_pds(carol, network, "carol.test")
    carol.get_by_text("You get no more invitations from Alice Moreira").wait_for()
    picture(carol, "inbox")

    # The opt-out is effective at once: the picker greys her out and says why.
    people.create_event(host, "Tea tasting")
    people.show_followers(host)
    row = host.locator(".person.off", has_text="@carol.test")
    assert "asked not to be invited" in row.inner_text()


def test_denying_consent_keeps_the_answer(open_browser, network, host_jar, ref_of, picture):
    host = open_browser(jar=host_jar)
    people.create_event(host, "Flour tasting")
    people.pick(host, "dan.test")
    people.send_and_watch(host, 1)

    dan = open_browser(phone=True)
    dan.goto(ref_of(network, "dan.test", "Flour tasting"))
    dan.get_by_role("button", name="Can’t").click()
    people.at_the_pds(dan, network, "dan.test", deny=True)
    dan.get_by_text("your answer was not saved", exact=False).wait_for()
    picture(dan, "denied")
    dan.get_by_role("button", name="Continue as @dan.test").click()
    people.at_the_pds(dan, network, "dan.test")
    dan.get_by_text("You answered Can’t.").wait_for()


def test_a_private_invitation_shows_nothing_until_the_invitee_proves_herself(open_browser, network, host_jar, picture):
    host = open_browser(jar=host_jar)
    people.create_event(host, "Secret supper", private=True)
    people.pick(host, "dan.test")
    picture(host, "private-check")
    assert "Secret supper" not in host.locator(".thread").inner_text()
    people.send_and_watch(host, 1)
    network.sync()
    with network.client() as client:
        response = client.get(
            f"{network.pds}/xrpc/com.atproto.repo.listRecords",
            params={"repo": network.accounts["alice.test"].did, "collection": "app.bsky.feed.post", "limit": 3},
        ).json()
    ref = re.search(r"/i/[\w-]+", response["records"][0]["value"]["text"]).group()

    stranger = open_browser(phone=True)
    stranger.goto(ref)
    hidden = stranger.locator("main").inner_text()
    picture(stranger, "hidden")
    stranger.goto("/i/nobody-knows-this-one")
    assert stranger.locator("main").inner_text() == hidden
    stranger.goto(ref)
    stranger.get_by_label("Your Bluesky handle").fill("dan.test")
    stranger.get_by_role("button", name="Continue with Bluesky").click()
    people.at_the_pds(stranger, network, "dan.test")
    stranger.get_by_role("heading", name="Secret supper").wait_for()
