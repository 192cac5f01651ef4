"""The preview beside the form of an event: it follows what is typed, and shows a chosen picture before it is sent."""

import io
import re
from datetime import datetime, timedelta

import pytest
from PIL import Image
from playwright.sync_api import expect
from tests.browser.test_every_page import axe, serious  # noqa: F401

WIDTHS = {"phone": {"width": 390, "height": 844}, "wide": {"width": 1280, "height": 900}}


@pytest.fixture
def jpeg(tmp_path):
    found = io.BytesIO()
    Image.new("RGB", (1600, 1200), "teal").save(found, "JPEG")
    path = tmp_path / "lake.jpg"
    path.write_bytes(found.getvalue())
    return path


def test_the_preview_follows_the_form(open_browser, host_jar, picture, axe, jpeg):  # noqa: F811
    page = open_browser(jar=host_jar)
    page.goto("/events/create")
    preview, day = page.locator("#event-preview"), datetime.now() + timedelta(days=90)  # noqa: DTZ005
    expect(preview).to_contain_text("Your event")
    page.get_by_label("Title").fill("Winter picnic")
    page.get_by_label("Starts").fill(day.strftime("%Y-%m-%dT15:00"))
    page.get_by_label("Time zone").select_option("Europe/Lisbon")
    page.get_by_label("Place", exact=True).fill("Boathouse lawn")
    for words in ("Winter picnic", day.strftime("%B"), "Boathouse lawn"):
        expect(preview).to_contain_text(words)
    drawn = preview.locator("img").first.get_attribute("src")
    moods = page.get_by_role("group", name="Cover")
    evening = moods.locator("label", has_text="Evening")
    evening.click()
    expect(preview.locator("img").first).not_to_have_attribute("src", drawn)
    chosen = preview.locator("img").first.get_attribute("src")
    expect(evening.locator("img")).to_have_attribute("src", chosen)
    page.get_by_label("Picture", exact=True).set_input_files(jpeg)
    expect(preview.locator("img").first).to_have_attribute("src", re.compile("^data:image/jpeg"))
    page.get_by_label("What the picture shows").fill("A lake")
    for name, size in WIDTHS.items():
        page.set_viewport_size(size)
        picture(page, f"form-preview-{name}")
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not serious(page, axe)
    page.get_by_role("button", name="Create the event").click()
    page.wait_for_url("**/manage?tab=invite")
    assert page.complaints == []


def test_without_javascript_the_form_has_no_empty_preview(open_browser, host_jar):
    page = open_browser(javascript=False, jar=host_jar)
    page.goto("/events/create")
    assert not page.get_by_role("heading", name="How it will look").is_visible()
    assert page.get_by_label("Picture", exact=True).is_visible()


def test_the_end_goes_where_the_start_goes(open_browser, host_jar):
    page = open_browser(jar=host_jar)
    page.goto("/events/create")
    starts, ends = page.get_by_label("Starts"), page.get_by_label("Ends")
    all_day = page.get_by_label("All day")
    starts.fill("2033-12-19T15:00")
    expect(ends).to_have_value("2033-12-19T18:00")  # what calendars would be told of an event without an end
    starts.fill("2033-12-19T23:30")
    expect(ends).to_have_value("2033-12-20T02:30")
    moved = page.get_by_text("The end has moved with the start.")
    assert not moved.is_visible()
    ends.fill("2033-12-20T00:30")
    starts.fill("2034-01-16T23:30")
    expect(ends).to_have_value("2034-01-17T00:30")  # as long as before
    assert moved.is_visible()
    ends.focus()
    starts.fill("2034-01-16T22:30")
    expect(ends).to_have_value("2034-01-16T23:30")
    starts.fill("2034-01-16T23:30")
    starts.fill("0002-01-16T23:30")
    starts.fill("2034-02-20T23:30")
    expect(ends).to_have_value("2034-02-21T00:30")  # a year that was being typed does not count
    all_day.check()
    starts.fill("2034-02-27")
    expect(ends).to_have_value("2034-02-28")
    all_day.uncheck()
    starts.fill("2034-03-01T10:00")
    ends.fill("2034-03-01T12:00")
    starts.press("Control+Home")
    starts.evaluate("(field) => { field.value = '2034-03-01T01:00'; field.dispatchEvent(new Event('input')); }")
    starts.evaluate("(field) => { field.value = '2034-03-01T14:00'; field.dispatchEvent(new Event('input')); }")
    expect(ends).to_have_value("2034-03-01T16:00")  # the first digit of 14 was no start of its own
    assert moved.is_visible()
    ends.fill("")
    assert not moved.is_visible()
    starts.fill("2034-03-06T15:00")
    expect(ends).to_have_value("")  # she wants none
    assert not moved.is_visible()
