"""A member takes her data with her and deletes her account; what she hosted says so."""

import json

from tests.browser import people

PHONE = {"width": 390, "height": 844}


def test_a_member_downloads_everything_and_leaves(open_browser, picture):
    nora, visitor = open_browser(), open_browser(phone=True, javascript=False)
    people.sign_up(nora, "nora")
    event = people.create_event(nora, "Farewell tea")
    visitor.goto(f"/events/{event}")
    visitor.get_by_text("Who sees my answer?").click()
    visitor.get_by_text("Names and answers of guests are deleted 400 days after the event.").wait_for()
    picture(visitor, "dignity-event")
    visitor.get_by_role("link", name="Report this event").click()
    picture(visitor, "dignity-report")
    visitor.get_by_label("What is wrong?").fill("There is no tea.")
    visitor.get_by_role("button", name="Send the report").click()
    visitor.get_by_text("The operator of this site has your report.").wait_for()

    nora.goto("/profile/edit?tab=data")
    picture(nora, "dignity-data")
    with nora.expect_download() as downloaded:
        nora.get_by_role("button", name="Download my data").click()
    found = json.loads(downloaded.value.path().read_text(encoding="utf-8"))
    assert [one["title"] for one in found["events_hosted"]] == ["Farewell tea"]
    nora.get_by_role("link", name="Delete my account").click()
    nora.get_by_text("is cancelled, because nobody hosts it with you").wait_for()
    picture(nora, "dignity-delete")
    nora.set_viewport_size(PHONE)
    picture(nora, "dignity-delete-phone")
    nora.get_by_label("A message to the guests").fill("Farewell.")
    nora.get_by_role("button", name="Delete my account for good").click()
    nora.get_by_text("Your account is deleted.").wait_for()
    visitor.goto(f"/events/{event}")
    visitor.get_by_role("heading", name="This event is cancelled").wait_for()
    visitor.get_by_text("A former member").wait_for()
    assert not nora.complaints + visitor.complaints
