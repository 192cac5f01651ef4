"""An event and a community are given to somebody else, without a script; then the new host does the event again."""

import re

from tests.browser import people
from tests.browser.conftest import PHONE
from tests.browser.soundness import look, scroll_to  # noqa: F401
from tests.browser.test_every_page import axe  # noqa: F401


def _ask(host, begin, name):
    host.goto(begin)
    host.get_by_role("link", name=re.compile("^Give the .* to someone else$")).click()
    host.get_by_role("heading", name="What happens").wait_for()
    host.get_by_label("Who takes it over").fill(name)


def test_an_event_and_a_community_change_hands_and_the_event_is_done_again(open_browser, look, picture):  # noqa: F811
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
    scroll_to(
        ben.get_by_role("heading", name="Chess in the park"),
        ben.get_by_role("heading", name="giver-ann asks you to take over this event"),
        ben.get_by_role("button", name="Take it over"),
        ben.get_by_role("button", name="Decline"),
    )
    picture(ben, "transfer-asked-390", docs=True)
    ben.get_by_role("button", name="Take it over").click()
    ben.get_by_text("Chess in the park is yours now.").wait_for()
    host.goto(f"/events/{slug}/manage?tab=hosts")
    assert host.get_by_role("link", name=re.compile("^Give the")).count() == 0
    host.get_by_role("button", name="Remove giver-ann").wait_for()

    ben.goto(f"/events/{slug}/manage")
    ben.get_by_role("link", name="Copy to a new date").click()
    ben.get_by_role("heading", name="Copy to a new date").wait_for()
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
