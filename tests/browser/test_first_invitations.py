"""From the front page, signed out and without an account, to eight people invited: pages and presses are counted.

`FRONT_PICTURE=src/elonara/web/static/invitation.webp` takes the picture of the front page anew.

A page is every document of this site that the browser shows, also one that it has shown before; those of Bluesky do not
count. A press is a click on a button or a link; typing and ticks do not count. `-s` prints both trips.
"""

import contextlib
import io
import os
import re
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import pytest
from PIL import Image
from sandbox import network as networks
from tests.browser import people
from tests.browser.conftest import PHONE, serving
from tests.browser.test_every_page import axe, serious  # noqa: F401

GUESTS = ["bob", "carol", "dan", "erin", "frank", "grace", "heidi", "ivan"]
# What the trip takes now; without JavaScript one page more in `oauth`.
MAX_PAGES, MAX_PRESSES = {"oauth": 7, "legacy": 8}, 8


class Trip:
    """What somebody does in one browser: the pages that she is shown, and her presses."""

    def __init__(self, page, site):
        self.page, self.pages, self.presses, self.visits = page, [], [], 0
        page.on("domcontentloaded", lambda shown: self._shown(shown.url, site.url))

    def _shown(self, url, ours):
        # Without JavaScript, the stand-in for the PDS's page has an address of ours.
        if url.startswith(ours) and "/auth/bluesky/start" not in url:
            self.pages.append(url.removeprefix(ours))

    def press(self, role, name):
        found = self.page.get_by_role(role, name=name)
        self.presses.append(getattr(name, "pattern", name))
        found.first.click()

    def at_the_pds(self, network, **how):
        self.visits += 1
        people.at_the_pds(self.page, network, "alice.test", **how)


@pytest.fixture(scope="module")
def crowd():
    """A network in which Alice has eight followers and more."""
    with networks.start(accounts=["alice", *GUESTS]) as net:
        yield net


@pytest.fixture
def visit(chromium, crowd, tmp_path, monkeypatch):
    """`visit("oauth", javascript=False)`: a new site in that mode, and a browser that has never been there."""
    contexts = []

    def open_one(mode, *, javascript=True, **environment):
        pointed = type(crowd).settings
        more = {"ELONARA_BLUESKY__WRITES__MODE": mode, **environment}
        monkeypatch.setattr(type(crowd), "settings", lambda net, **how: pointed(net, **how) | more)
        site = running.enter_context(serving(crowd, tmp_path))
        context = chromium.new_context(
            base_url=site.url, viewport=PHONE, java_script_enabled=javascript, timezone_id="Europe/Lisbon"
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        return Trip(context.new_page(), site)

    with contextlib.ExitStack() as running:
        yield open_one
        for context in contexts:
            context.close()


@pytest.fixture
def look(picture, axe):  # noqa: F811
    """Takes a picture, and finds a page sound: for everybody to use, and not wider than the narrowest phone."""

    def take(page, name, *, javascript=True):
        picture(page, name)
        if javascript:
            assert not serious(page, axe), name
            page.set_viewport_size({"width": 320, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, name
            page.set_viewport_size(PHONE)

    return take


def picture_of(browser, address, where):
    """What an invited person sees, from who invites down to the buttons."""
    page = browser.new_page(viewport={"width": 600, "height": 410}, device_scale_factor=2, timezone_id="Europe/Lisbon")
    page.goto(address)
    shot = Image.open(io.BytesIO(page.screenshot(clip={"x": 0, "y": 62, "width": 600, "height": 262})))
    shot.convert("RGB").save(where, quality=80, method=6)
    page.close()


@pytest.mark.parametrize(
    ("mode", "javascript"),
    [("oauth", True), ("legacy", True), ("oauth", False)],
    ids=["oauth", "legacy", "oauth without javascript"],
)
def test_eight_people_are_invited_in_few_pages_and_presses(visit, crowd, look, mode, javascript):
    trip = visit(mode, javascript=javascript)
    page = trip.page
    page.goto("/")
    for one in (page.locator("img"), *map(page.get_by_text, ("Continue with Bluesky", "No Bluesky?"))):
        box = one.first.bounding_box()
        assert box["y"] + box["height"] <= PHONE["height"], "it fits on the first screen of a phone"
    look(page, f"{mode}-1-front", javascript=javascript)
    if not javascript:
        people.hold_at_the_pds(page)
    page.get_by_label("Your Bluesky handle").fill("alice.test")
    trip.press("button", "I want to invite people")
    trip.at_the_pds(crowd, javascript=javascript)
    page.get_by_role("heading", name="Create an account?").wait_for()
    look(page, f"{mode}-2-new", javascript=javascript)
    trip.press("button", "Create my account")

    page.get_by_label("Title").fill("Winter picnic")
    starts = datetime.now() + timedelta(days=12)  # noqa: DTZ005
    page.get_by_label("Starts").fill(starts.strftime("%Y-%m-%dT15:00"))
    page.get_by_label("Place", exact=True).fill("Boathouse lawn, Lisbon")
    trip.press("button", "Create the event")
    page.get_by_role("heading", name="Who do you want to invite?").wait_for()
    look(page, f"{mode}-3-pick", javascript=javascript)

    if mode == "legacy":
        trip.press("link", "Add an app password")
        page.get_by_role("textbox", name="App password").fill(crowd.accounts["alice.test"].app_password)
        look(page, f"{mode}-4-app-password", javascript=javascript)
        trip.press("button", "Save the app password")
        page.get_by_text("The app password is saved").wait_for()
        page.wait_for_url("**/manage?tab=invite")  # back at the step that she came from
    trip.press("button", "Followers")
    page.locator('#people[data-view="followers"]').wait_for()
    for name in GUESTS:
        page.locator("label.person", has_text=f"@{name}.test").locator("input").check()
    trip.press("button", "Next: check")
    page.get_by_role("heading", name="Check what Bluesky will show").wait_for()
    look(page, f"{mode}-5-check", javascript=javascript)
    trip.press("button", re.compile("^Send 8 invitation"))
    page.get_by_role("heading", name=re.compile("on Bluesky")).wait_for()
    page.wait_for_load_state("domcontentloaded")  # only then is it counted
    pages, presses = list(trip.pages), list(trip.presses)
    print(f"\n{mode}: {len(pages)} pages, {len(presses)} presses, {trip.visits} visits to Bluesky", pages, presses)

    assert len(pages) <= MAX_PAGES[mode], pages
    assert len(presses) <= MAX_PRESSES, presses
    assert trip.visits == 1, "one consent"
    for _ in range(30):
        if page.get_by_role("heading", name="8 of 8").count():
            break
        page.wait_for_timeout(1000)
        page.get_by_role("link", name="Refresh").click()
    look(page, f"{mode}-6-watch", javascript=javascript)
    assert page.get_by_role("heading", name="8 of 8").is_visible(), "the posts are sent"
    if (where := os.environ.get("FRONT_PICTURE")) and mode == "oauth" and javascript:
        invitation = page.locator("a[href*='/i/']").first.get_attribute("href")
        picture_of(page.context.browser, page.url.split("/events/")[0] + urlsplit(invitation).path, where)
    page.goto("/")
    assert page.get_by_role("link", name="See who was invited").is_visible()
    look(page, f"{mode}-7-home", javascript=javascript)
