"""After an edit: the host reads that posts show the old time, posts the update, and later takes them all back."""

import pytest
from tests.browser import people

WIDE = {"width": 1280, "height": 900}


@pytest.mark.parametrize("javascript", [True, False])
def test_the_update_is_posted_and_the_posts_are_taken_back(open_browser, host_jar, picture, javascript):
    page = open_browser(phone=True, javascript=javascript, jar=host_jar)
    name = "phone" if javascript else "plain"
    event = people.create_event(page, "Winter picnic")
    people.pick(page, "bob.test", "carol.test")
    people.send_and_watch(page, 2)

    page.goto(f"/events/{event}/edit")
    picture(page, f"{name}-edit")
    page.get_by_label("Starts").fill(page.get_by_label("Starts").input_value().replace("T15:00", "T16:30"))
    page.get_by_label("Place", exact=True).fill("Garden behind the library")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="3 posts on Bluesky still show the old time and place").wait_for()
    picture(page, f"{name}-details")
    page.set_viewport_size(WIDE)
    picture(page, f"{name}-details-wide")
    page.goto(f"/events/{event}/manage?tab=invite&step=watch")
    picture(page, f"{name}-watch-wide")
    page.get_by_role("button", name="Post the update").click()
    page.get_by_text("The update is on its way.").wait_for()
    people.wait_for_link(page, "See the update")
    assert not page.get_by_role("heading", name="still show the old").count()
    picture(page, f"{name}-posted-wide")
    page.set_viewport_size({"width": 390, "height": 844})
    picture(page, f"{name}-posted")

    page.goto(f"/events/{event}/edit")
    assert not page.get_by_label("If I make it private").is_visible(), "it stays public"
    page.get_by_label("Who may see it").select_option("private")
    assert "the announcement, 2 invitations and 1 update" in page.locator("main").inner_text()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="4 posts on Bluesky still name what is private now").wait_for()
    picture(page, f"{name}-private")
    page.get_by_role("link", name="Take the posts back").click()
    picture(page, f"{name}-take-back")
    page.get_by_role("button", name="Take them back").click()
    page.get_by_text("4 posts are being taken back.").wait_for()
    page.goto(f"/events/{event}/cancel")
    picture(page, f"{name}-cancel")
    assert not page.complaints
