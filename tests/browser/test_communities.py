"""A community that is joined by request: asked, declined and accepted, removed, and an event of a plain member.

The host's browser runs scripts; those who ask go through it without.
"""

import pytest
from tests.browser import people
from tests.browser.test_every_page import axe, serious  # noqa: F401

SIZES = {"phone": {"width": 390, "height": 844}, "wide": {"width": 1280, "height": 900}}


@pytest.fixture
def look(open_browser, picture, axe):  # noqa: F811
    """`look(page, "name")`: the page as it stands, at both sizes, light and dark, with scripts for the checker."""

    def at(page, name):
        for scheme in ("light", "dark"):
            copy = open_browser(jar=page.context.storage_state(), color_scheme=scheme)
            copy.goto(page.url)
            for label, size in SIZES.items():
                copy.set_viewport_size(size)
                picture(copy, f"{name}-{label}-{scheme}")
                assert not copy.evaluate(
                    "document.documentElement.scrollWidth > document.documentElement.clientWidth"
                ), (name, label)
                assert not serious(copy, axe)
            assert not copy.complaints
            copy.context.close()

    return at


def test_people_ask_and_are_accepted_declined_removed_and_let_in_again(open_browser, look, picture):
    host = open_browser()
    ben, cleo = (open_browser(javascript=False) for _ in range(2))
    for page, name in ((host, "asked-ann"), (ben, "asking-ben"), (cleo, "asking-cleo")):
        people.sign_up(page, name)
    host.goto("/communities/create")
    host.get_by_label("Name").fill("Brewers of the lake")
    host.get_by_label("people ask first; admins and moderators accept or decline").check()
    host.get_by_label("Members may add events").check()
    look(host, "community-form")
    host.get_by_role("button", name="Create the community").click()
    host.wait_for_url("**/manage?tab=invite")
    slug = host.url.split("/communities/")[1].split("/")[0]
    address = f"/communities/{slug}"

    ben.goto(address)
    look(ben, "community-asks")
    ben.get_by_label("Your message (optional)").fill("I have brewed at home for ten years, mostly stouts.")
    ben.get_by_role("button", name="Ask to join").click()
    ben.get_by_role("heading", name="You asked to join").wait_for()
    look(ben, "community-asked")
    cleo.goto(address)
    cleo.get_by_role("button", name="Ask to join").click()
    cleo.get_by_role("button", name="Withdraw the request").click()
    cleo.get_by_role("button", name="Ask to join").click()
    cleo.get_by_role("heading", name="You asked to join").wait_for()

    host.goto("/")
    host.get_by_text("asking-cleo asks to join Brewers of the lake. 2 people are waiting.").first.wait_for()
    host.goto(f"{address}/manage?tab=members")
    host.get_by_role("heading", name="2 people ask to join").wait_for()
    look(host, "community-requests")
    host.set_viewport_size(SIZES["wide"])
    picture(host, "community-requests-1280", docs=True)
    host.get_by_label("Your message to asking-ben").fill("Come on Sunday.")
    host.get_by_role("button", name="Accept asking-ben").click()
    host.get_by_text("asking-ben is a member now.").wait_for()
    host.get_by_label("Your message to asking-cleo").fill("We are full until spring.")
    host.get_by_role("button", name="Decline asking-cleo").click()
    host.get_by_text("Declined. asking-cleo gets a notice.").wait_for()
    cleo.goto(address)
    cleo.get_by_text("We are full until spring.").first.wait_for()
    look(cleo, "community-declined")

    ben.goto("/")
    ben.get_by_text("You are in: Brewers of the lake accepted your request. “Come on Sunday.”").first.wait_for()
    ben.goto(address)
    ben.get_by_role("link", name="Create an event").click()
    ben.get_by_label("Title").fill("Stout night")
    ben.get_by_label("Starts").fill("2027-05-01T19:00")
    ben.get_by_role("button", name="Create the event").click()
    ben.get_by_text("Your event is ready").wait_for()

    host.goto(f"{address}/members?q=asking")
    host.get_by_text("1 person matches “asking”.").wait_for()
    host.get_by_text("Declined or removed").click()
    host.get_by_role("button", name="Accept asking-cleo").wait_for()
    look(host, "community-members")
    host.get_by_role("link", name="Remove asking-ben").click()
    host.get_by_role("heading", name="Remove asking-ben from “Brewers of the lake”?").wait_for()
    look(host, "community-remove")
    host.get_by_role("button", name="Remove asking-ben").click()
    host.get_by_text("asking-ben is removed.").wait_for()
    ben.goto(address)
    look(ben, "community-removed")
    ben.get_by_role("heading", name="You were removed from this community").wait_for()
    host.goto(f"{address}/members")
    host.get_by_text("Declined or removed").click()
    host.get_by_role("button", name="Add again asking-ben").click()
    host.get_by_text("They are a member again.").wait_for()

    host.goto(address)
    look(host, "community")
    host.get_by_role("link", name="Take out Stout night").click()
    look(host, "community-take-out")
    host.get_by_role("button", name="Take it out").click()
    host.get_by_text("Stout night is no longer in the community.").wait_for()
    ben.goto("/")
    ben.get_by_text("took Stout night out of Brewers of the lake").first.wait_for()
    assert not host.complaints
