"""Pages of invited people in every state, and the host's pages when something is empty, slow or broken."""

import re
import time

import pytest
from tests.browser import people
from tests.browser.test_every_page import NARROW, axe, serious  # noqa: F401

STATES = ("open", "answered", "withdrawn", "cancelled", "private")


def _ref(network, title):
    """The path in the post that invites Bob to an event."""
    network.sync()
    with network.client() as client:
        did = network.accounts["alice.test"].did
        asked = {"repo": did, "collection": "app.bsky.feed.post", "limit": 100}
        response = client.get(f"{network.pds}/xrpc/com.atproto.repo.listRecords", params=asked).json()
    texts = [row["value"]["text"] for row in response["records"] if "@bob.test" in row["value"]["text"]]
    return next(re.search(r"/i/[\w-]+", text).group() for text in texts if title in text)


def _private_ref(page):
    """The path of a private invitation: its post does not name the event, but the proved invitee's inbox does."""
    page.goto("/invitations")
    return page.get_by_role("link", name="State private").first.get_attribute("href")


def _prove(context, network, handle):
    page = context.new_page()
    page.goto("/invitations")
    page.get_by_label("Your Bluesky handle").fill(handle)
    page.get_by_role("button", name="Continue with Bluesky").click()
    people.at_the_pds(page, network, handle)
    page.wait_for_url("**/invitations")
    return page


@pytest.fixture(scope="module")
def states(network, site, chromium, host_jar, mail_server):
    """Bob is invited to an event in every state; Carol is somebody else. Returns jars, addresses and slugs."""
    contexts = [
        chromium.new_context(base_url=site.url, timezone_id="Europe/Berlin", storage_state=jar)
        for jar in (host_jar, None, None)
    ]
    for context in contexts:
        context.set_default_timeout(20_000)
    host, bob, carol = contexts
    page, slugs, paths = host.new_page(), {}, {}
    for name in STATES:
        slugs[name] = people.create_event(page, f"State {name}", private=name == "private")
        people.pick(page, "bob.test")
        people.send_and_watch(page, 1)
        if name != "private":
            paths[name] = _ref(network, f"State {name}")
    guest = _prove(bob, network, "bob.test")
    _prove(carol, network, "carol.test")
    paths["private"] = _private_ref(guest)
    guest.goto(paths["answered"])
    guest.get_by_role("button", name="Maybe").click()
    guest.get_by_text("You answered Maybe.").wait_for()
    page.goto(f"/events/{slugs['withdrawn']}/manage?tab=invite&step=watch")
    page.locator("summary.person", has_text="bob.test").click()
    undo = page.get_by_role("link", name="Undo the invitation").get_attribute("href")
    page.goto(undo)
    page.get_by_role("button", name="Undo the invitation").click()
    page.goto(f"/events/{slugs['cancelled']}/cancel")
    page.get_by_role("button", name="Cancel the event").click()
    page.goto(f"/events/{slugs['open']}/manage?tab=invite&step=watch")
    page.locator("summary.person", has_text="bob.test").click()
    asks = page.get_by_role("link", name="Undo the invitation").get_attribute("href")
    letter = _letter(page, mail_server, slugs["open"])
    jars = {"host": host.storage_state(), "bob": bob.storage_state(), "carol": carol.storage_state(), "visitor": None}
    for context in contexts:
        context.close()
    return jars, paths, slugs, {"undo": asks, "letter": letter}


def _letter(page, mail_server, slug):
    """Invite Ana by e-mail as a host does; returns the link in the e-mail."""
    page.goto(f"/events/{slug}/manage?tab=invite&step=email")
    page.get_by_label("E-mail addresses").fill("Ana Lima <ana@example.org>")
    page.get_by_role("button", name="Check the e-mail").click()
    page.get_by_role("button", name="Send 1 e-mail").click()
    page.get_by_text("1 e-mail is on the way").wait_for()
    for _ in range(100):
        if text := mail_server.text_to("ana@example.org"):
            return re.search(r"/rsvp/[\w-]+", text).group()
        time.sleep(0.2)
    raise AssertionError("no letter came")


def _sound(page, axe, paths):  # noqa: F811
    faults = []
    for path in paths:
        page.set_viewport_size(NARROW)
        response = page.goto(path)
        if response.status >= 500:
            faults.append(f"{path}: {response.status}")
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            faults.append(f"{path}: scrolls sideways at 360 px")
        faults += [f"{path}: {fault}" for fault in serious(page, axe)]
    return faults + page.complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", ["visitor", "bob", "carol", "host"])
def test_an_invitation_is_sound_in_every_state(open_browser, states, axe, who, scheme):  # noqa: F811
    jars, paths, slugs, more = states
    page = open_browser(jar=jars[who], color_scheme=scheme)
    wanted = [*paths.values(), f"{paths['open']}/stop?who=host", f"{paths['open']}/stop?who=site"]
    wanted += [f"{paths['open']}/report", "/invitations", more["letter"], f"{more['letter']}?stop=host", "/rsvp/none"]
    if who == "host":
        wanted = [more["undo"], *(f"/events/{slug}/manage?tab=invite&step=watch" for slug in slugs.values())]
        wanted += [f"/events/{slugs['open']}/manage?tab=invite&step=email", f"/events/{slugs['cancelled']}"]
    faults = _sound(page, axe, wanted)
    assert not faults, "\n".join(faults)


def test_each_viewer_reads_what_is_theirs(open_browser, states):
    jars, paths, _, _ = states
    said = {}
    for who in ("visitor", "bob", "carol"):
        page = open_browser(jar=jars[who], phone=True)
        for name, path in paths.items():
            page.goto(path)
            said[who, name] = page.locator("main").inner_text()
    assert "After you answer, you sign in at Bluesky, which confirms that you are @bob.test" in said["visitor", "open"]
    assert "this invitation is for @bob.test" in said["carol", "open"]
    assert "You are @bob.test" in said["bob", "open"]
    assert "sees your answer" in said["bob", "answered"]
    assert "State private" in said["bob", "private"]
    for who in ("visitor", "carol"):
        words = {"visitor": "Is this invitation for you?", "carol": "There is no invitation for you"}[who]
        assert words in said[who, "private"]
        assert words in said[who, "withdrawn"]
    assert "This event is cancelled." in said["bob", "cancelled"]


def test_an_email_invitation_is_answered_with_one_click(open_browser, states):
    _, _, slugs, more = states
    page = open_browser(phone=True, javascript=False)
    page.goto(more["letter"])
    page.get_by_role("button", name="Going").click()
    page.get_by_text("You are going.").wait_for()
    host = open_browser(jar=states[0]["host"])
    host.goto(f"/events/{slugs['open']}/manage?tab=guests")
    assert "Ana Lima" in host.locator("table").inner_text()


def test_the_pick_page_needs_no_answer_of_bluesky(open_browser, states, network, axe):  # noqa: F811
    jars, _, slugs, _ = states
    page = open_browser(jar=jars["host"])
    page.set_viewport_size(NARROW)
    network.faults([{"match": "app.bsky.graph", "kind": "status", "status": 502, "times": 20}])
    try:
        page.goto(f"/events/{slugs['open']}/manage?tab=invite&list=followers")
        page.get_by_role("heading", name="Who do you want to invite?").wait_for()
        page.get_by_role("button", name="Following").click()
        page.locator("button[aria-current]", has_text="Following").wait_for()
        assert not serious(page, axe)
    finally:
        network.faults([])
