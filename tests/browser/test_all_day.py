"""An event of whole days is made: with a script the form asks for days alone, without one it ignores the times."""

from datetime import date, timedelta

from tests.browser import people
from tests.browser.soundness import sound
from tests.browser.test_every_page import axe  # noqa: F401

FIRST = date.today() + timedelta(days=12)  # noqa: DTZ011
LAST = FIRST + timedelta(days=2)


def fill(page, title, first, last):
    page.goto("/events/create")
    page.get_by_label("Title").fill(title)
    page.get_by_label("All day").check()
    page.get_by_label("Starts").fill(first)
    page.get_by_label("Ends").fill(last)
    page.get_by_label("Time zone").select_option("Pacific/Auckland")


def shown(page):
    page.get_by_role("button", name="Create the event").click()
    page.wait_for_url("**/manage?tab=invite")
    slug = page.url.split("/events/")[1].split("/")[0]
    page.goto(f"/events/{slug}")
    page.get_by_text("All day.").first.wait_for()
    page.get_by_text(f" to {LAST:%A} {LAST.day} {LAST:%B}").first.wait_for()
    return slug


def test_with_a_script_the_form_asks_for_days(open_browser, picture, axe):  # noqa: F811
    page = open_browser()
    people.sign_up(page, "fair-scripted")
    fill(page, "Book fair", FIRST.isoformat(), LAST.isoformat())
    sound(page, axe, picture, "all-day-form")
    slug = shown(page)
    sound(page, axe, picture, "all-day")
    page.goto(f"/events/{slug}/edit")
    assert page.get_by_label("Ends").input_value() == LAST.isoformat()
    page.get_by_label("All day").uncheck()
    assert page.get_by_label("Ends").input_value() == f"{LAST}T00:00"
    assert not page.complaints


def test_without_a_script_the_times_do_not_count(open_browser):
    page = open_browser(javascript=False)
    people.sign_up(page, "fair-plain")
    fill(page, "Seed swap", f"{FIRST}T18:30", f"{LAST}T09:15")
    shown(page)
