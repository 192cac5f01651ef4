"""A visitor answers on a public event's page, proves who he is at his server, and has answered: no account needed."""

from tests.browser import people
from tests.browser.soundness import sound
from tests.browser.test_every_page import axe  # noqa: F401


def test_going_survives_saying_who_one_is(open_browser, network, picture, axe):  # noqa: F811
    host = open_browser()
    people.sign_up(host, "street-ann")
    slug = people.create_event(host, "Street music")
    dan = open_browser(phone=True)
    dan.goto(f"/events/{slug}")
    dan.get_by_role("button", name="Going", exact=True).click()
    dan.get_by_role("heading", name="Who is answering?").wait_for()
    sound(dan, axe, picture, "answer-who")
    dan.get_by_label("Your Bluesky handle").fill("dan.test")
    dan.get_by_role("button", name="Continue with Bluesky").click()
    people.at_the_pds(dan, network, "dan.test")
    dan.get_by_text("You are going.").wait_for()
    dan.get_by_role("heading", name="What next?").wait_for()
    sound(dan, axe, picture, "answer-next")
    dan.goto("/")
    dan.get_by_role("heading", name="Your events").wait_for()
    dan.get_by_role("link", name="Street music").first.wait_for()
    sound(dan, axe, picture, "guest-home")
    host.goto(f"/events/{slug}/manage?tab=guests")
    host.get_by_text("dan.test").first.wait_for()
    assert not dan.complaints


def test_without_a_script_a_member_sends_the_answer_behind_the_sign_in(open_browser):
    host = open_browser(javascript=False)
    people.sign_up(host, "choir-ann")
    slug = people.create_event(host, "Choir")
    people.sign_up(open_browser(javascript=False), "choir-ben")
    ben = open_browser(phone=True, javascript=False)
    ben.goto(f"/events/{slug}")
    ben.get_by_role("button", name="Maybe").click()
    ben.get_by_role("link", name="Sign in and answer").click()
    people.sign_in_here(ben, "choir-ben")
    ben.get_by_role("heading", name="Send your answer").wait_for()
    ben.get_by_role("button", name="Maybe").click()
    ben.get_by_text("You answered Maybe.").wait_for()
