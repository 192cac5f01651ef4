"""A host who accepts each guest and hides the place; then a full event whose free place is offered."""

import re

from tests.browser import people
from tests.browser.soundness import NARROW, WIDE, scroll_to, sound
from tests.browser.test_every_page import axe  # noqa: F401


def _edit(host, slug, change):
    host.goto(f"/events/{slug}/edit")
    change()
    host.get_by_role("button", name="Save").click()
    host.get_by_text("The changes are saved.").wait_for()


def test_approval_with_a_hidden_place_and_a_place_that_is_offered(open_browser, host_jar, picture, axe):  # noqa: F811
    host, bob, carol = open_browser(jar=host_jar), open_browser(phone=True), open_browser(javascript=False)
    slug = people.create_event(host, "Supper under the oak")
    page = f"/events/{slug}"

    def accepting():
        host.get_by_label("I approve each guest").check()
        host.get_by_label("Show the place only to guests who are going").check()

    _edit(host, slug, accepting)
    host.goto(f"{page}/edit")
    for fold in ("Online", "Answers and the guest list", "Waiting list"):
        host.get_by_text(fold, exact=True).click()
    sound(host, axe, picture, "host-edits")
    host.goto(f"{page}/questions")
    sound(host, axe, picture, "host-asks")
    host.get_by_label("Question 1", exact=True).fill("What do you eat?")
    host.get_by_role("button", name="Save the questions").click()

    people.sign_up(bob, "guest-bob")
    bob.goto(page)
    assert "Boathouse" not in bob.content()
    bob.get_by_label("What do you eat?").fill("Everything")
    sound(bob, axe, picture, "guest-asks")
    bob.set_viewport_size(NARROW)
    scroll_to(
        bob.get_by_role("heading", name="Supper under the oak"),
        bob.get_by_text("The place is not public"),
        bob.get_by_label("What do you eat?"),
        bob.get_by_role("button", name="Ask to come"),
        bob.get_by_role("button", name="Can’t"),
    )
    picture(bob, "guests-asks-390", docs=True)
    bob.get_by_role("button", name="Ask to come").click()
    bob.get_by_text("You asked to come. The hosts decide, and you will see it here.").first.wait_for()
    assert "Boathouse" not in bob.content()

    host.goto(f"{page}/manage?tab=guests")
    host.get_by_text("What do you eat?").wait_for()
    host.get_by_label("Your message to guest-bob").fill("Ring twice.")
    sound(host, axe, picture, "host-decides")
    host.get_by_role("link", name="guest-bob").click()
    sound(host, axe, picture, "host-reads-one-guest")
    host.go_back()
    host.get_by_label("Your message to guest-bob").fill("Ring twice.")
    host.get_by_role("button", name="Accept guest-bob").click()
    host.get_by_text("They have a place now.").wait_for()
    bob.goto(page)
    bob.get_by_text("The hosts write: Ring twice.").wait_for()
    assert bob.get_by_text("Boathouse lawn, Lisbon").count()

    def offering():
        host.get_by_label("I approve each guest").uncheck()
        host.get_by_label("How many people can come", exact=True).fill("1")
        host.get_by_text("Waiting list", exact=True).click()
        host.get_by_label("is offered to that person for some hours").check()

    _edit(host, slug, offering)
    people.sign_up(carol, "guest-carol")
    carol.goto(page)
    carol.get_by_role("button", name="Join the waiting list").click()
    carol.get_by_text("You are next on the waiting list.").first.wait_for()
    carol.set_viewport_size(WIDE)
    picture(carol, "guests-waits-1280", docs=True)
    bob.get_by_role("button", name="Can’t").click()
    bob.get_by_text("You answered Can’t.").wait_for()
    carol.goto(page)
    carol.get_by_text(re.compile("A place is kept for you until")).first.wait_for()
    picture(carol, "guest-offer")
    carol.get_by_role("button", name="Take the place").click()
    carol.get_by_text("You are going.").wait_for()
    assert carol.get_by_text("Boathouse lawn, Lisbon").count()

    def online_too():
        host.get_by_text("Online", exact=True).click()
        host.get_by_label("either way, as they choose").check()
        host.get_by_label("Link for those who join online").fill("https://meet.example/the-room")

    _edit(host, slug, online_too)
    bob.goto(page)
    assert "the-room" not in bob.content()
    bob.get_by_role("button", name="Going online").click()
    bob.get_by_text("You are going.").wait_for()
    assert bob.get_by_role("link", name="Join online").get_attribute("href") == "https://meet.example/the-room"
    sound(bob, axe, picture, "guest-online")
    assert not host.complaints + bob.complaints
