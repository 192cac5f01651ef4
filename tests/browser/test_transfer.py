"""An event and a community are given to somebody else, without a script; then the new host does the event again."""

import re

import pytest
from tests.browser import people
from tests.browser.conftest import PHONE
from tests.browser.test_every_page import axe  # noqa: F401
from tests.browser.test_guests import _sound


@pytest.fixture
def look(open_browser, picture, axe):  # noqa: F811
    """`look(page, "name")`: the page as it stands, in a browser that runs scripts, which the checker needs."""

    def at(page, name):
        copy = open_browser(jar=page.context.storage_state())
        copy.goto(page.url)
        _sound(copy, axe, picture, name)
        assert not copy.complaints
        copy.close()

    return at


def _ask(host, begin, name):
    host.goto(begin)
    host.get_by_role("link", name=re.compile("^Give the .* to someone else$")).click()
    host.get_by_role("heading", name="What happens").wait_for()
    host.get_by_label("Who takes it over").fill(name)


def test_an_event_and_a_community_change_hands_and_the_event_is_done_again(open_browser, look, picture):
    host, ben = open_browser(javascript=False), open_browser(javascript=False)
    people.sign_up(host, "giver-ann")
    people.sign_up(ben, "taker-ben")
    slug = people.create_event(host, "Chess in the park")
    _ask(host, f"/events/{slug}/manage?tab=hosts", "taker-ben")
    look(host, "transfer-asks")
    host.get_by_role("button", name="Ask them").click()
    host.get_by_role("heading", name="taker-ben has been asked to take over this event").wait_for()
    look(host, "transfer-waits")

    ben.goto("/")
    ben.get_by_text("giver-ann asks you to take over Chess in the park.").first.wait_for()
    ben.goto(f"/events/{slug}")
    look(ben, "transfer-is-asked")
    ben.set_viewport_size(PHONE)
    picture(ben, "transfer-asked-390", docs=True)
    ben.get_by_role("button", name="Take it over").click()
    ben.get_by_text("Chess in the park is yours now.").wait_for()
    host.goto(f"/events/{slug}/manage?tab=hosts")
    assert host.get_by_role("link", name=re.compile("^Give the")).count() == 0
    host.get_by_role("button", name="Remove giver-ann").wait_for()

    ben.goto(f"/events/{slug}/manage")
    ben.get_by_role("link", name="Do it again").click()
    ben.get_by_role("heading", name="Do it again").wait_for()
    look(ben, "again")
    ben.get_by_role("button", name="Create the event").click()
    ben.get_by_text("Your event is ready. Next, invite people.").wait_for()
    ben.goto(ben.url.split("/manage")[0])
    ben.get_by_role("heading", name="Chess in the park").wait_for()
    assert ben.get_by_text("Boathouse lawn, Lisbon").count()

    host.goto("/communities/create")
    host.get_by_label("Name").fill("Park players")
    host.get_by_role("button", name="Create the community").click()
    group = host.url.split("/communities/")[1].split("/")[0]
    _ask(host, f"/communities/{group}/manage?tab=members", "taker-ben")
    look(host, "transfer-community")
    host.get_by_role("button", name="Ask them").click()
    ben.goto(f"/communities/{group}")
    look(ben, "transfer-community-is-asked")
    ben.get_by_role("button", name="Take it over").click()
    ben.get_by_text("Park players is yours now.").wait_for()
    ben.get_by_text("you are an admin").wait_for()
