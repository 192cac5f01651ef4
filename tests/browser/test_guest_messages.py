"""A host changes an event and writes to her guests; a guest by e-mail hears it, and stops it."""

import re
import time

from tests.browser import people
from tests.browser.soundness import NARROW, look, scroll_to, sound  # noqa: F401
from tests.browser.test_every_page import axe  # noqa: F401


def letter(mail_server, address, words):
    """The newest e-mail to this address with these words; waits for it."""
    for _ in range(150):
        text = mail_server.text_to(address)
        if text and words in text:
            return text
        time.sleep(0.2)
    raise AssertionError(f"no e-mail says {words!r}")


def test_guests_are_told_and_written_to(open_browser, host_jar, mail_server, picture, axe, look):  # noqa: F811
    host, guest = open_browser(jar=host_jar), open_browser(phone=True, javascript=False)
    event = people.create_event(host, "Spring picnic")
    host.goto(f"/events/{event}/manage?tab=invite&step=email")
    host.get_by_label("E-mail addresses").fill("Nia <nia@example.org>")
    host.get_by_role("button", name="Check the e-mail").click()
    host.get_by_role("button", name="Send 1 e-mail").click()
    invitation = letter(mail_server, "nia@example.org", "Can you come?")
    guest.goto(re.search(r"/rsvp/[\w-]+", invitation).group())
    guest.get_by_role("button", name="Going", exact=True).click()

    host.goto(f"/events/{event}/edit")
    host.get_by_text("1 person is told.").wait_for()
    sound(host, axe, picture, "messages-edit")
    host.get_by_label("Place", exact=True).fill("Garden behind the library")
    host.get_by_role("button", name="Save").click()

    host.get_by_role("link", name="Messages").click()
    sound(host, axe, picture, "messages-write")
    host.get_by_label("Your message").fill("Bring bread.")
    host.get_by_role("button", name="Check the message").click()
    host.get_by_role("button", name="Send to 1 guest").wait_for()
    sound(host, axe, picture, "messages-check")
    host.set_viewport_size(NARROW)
    scroll_to(
        host.get_by_text("Your message", exact=True),
        host.get_by_role("status").filter(has_text="Bring bread."),
        host.get_by_role("button", name="Send to 1 guest"),
    )
    picture(host, "messages-check-390", docs=True)
    host.get_by_role("button", name="Send to 1 guest").click()
    host.get_by_text("Your message is on its way to 1 guest.").wait_for()
    sound(host, axe, picture, "messages-sent")
    said = letter(mail_server, "nia@example.org", "> Bring bread.")
    guest.goto(re.search(r"/rsvp/[\w-]+", said).group())
    guest.get_by_role("heading", name="News for you").wait_for()
    guest.get_by_text("Bring bread.").wait_for()
    look(guest, "messages-news")

    host.goto(f"/events/{event}/cancel")
    host.get_by_label("A message to your guests").fill("It rains.")
    sound(host, axe, picture, "messages-cancel")
    host.get_by_role("button", name="Cancel the event").click()
    cancelled = letter(mail_server, "nia@example.org", "> It rains.")
    guest.goto(re.search(r"/rsvp/[\w-]+/mail", cancelled).group())
    look(guest, "messages-stop")
    guest.get_by_role("button", name="E-mails about this event").click()
    guest.get_by_role("heading", name="You get no more e-mails about this event").wait_for()
    assert not host.complaints
    assert not guest.complaints
