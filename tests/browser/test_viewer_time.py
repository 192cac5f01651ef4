"""A first visit from another zone: the viewer's time is there with the first paint, without a second load."""

import pytest
from tests.browser import people


@pytest.fixture
def visit(chromium, site):
    contexts = []

    def one(zone, **options):
        context = chromium.new_context(base_url=site.url, timezone_id=zone, **options)
        contexts.append(context)
        return context.new_page()

    yield one
    for context in contexts:
        context.close()


def test_the_line_is_filled_and_online_the_clocks_are_swapped(open_browser, visit):
    host = open_browser()
    people.sign_up(host, "clock-ann")
    slug = people.create_event(host, "Clock meeting")  # 15:00 in Lisbon
    page = visit("Asia/Tokyo")
    page.goto(f"/events/{slug}")
    line = page.locator("#viewer-time")
    assert line.inner_text().startswith("Lisbon time. For you in Tokyo: ")
    page.reload()  # now the site knows the zone, and says the same
    assert "Lisbon time. For you in Tokyo: " in page.locator("main").inner_text()
    assert not page.locator("#viewer-time").count()
    plain = visit("Asia/Tokyo", java_script_enabled=False)
    plain.goto(f"/events/{slug}")
    assert plain.locator("#viewer-time").inner_text().startswith("Lisbon time (UTC+")

    host.goto(f"/events/{slug}/edit")
    host.get_by_text("Online", exact=True).click()
    host.get_by_label("online", exact=True).check()
    host.get_by_label("Link for those who join online").fill("https://meet.example/room")
    host.locator("form .button.primary").click()
    host.wait_for_url("**/manage?tab=details")
    first = visit("Asia/Tokyo")
    first.goto(f"/events/{slug}")
    said = first.locator("#viewer-time").inner_text()
    lead = first.locator("#viewer-time").locator("xpath=preceding-sibling::p").inner_text()
    day = first.locator("time.date b").first.inner_text()
    assert said.startswith("Your time, Tokyo. In Lisbon it is ")
    first.reload()
    second = first.locator("main").inner_text()
    assert lead in second
    assert said in second
    assert first.locator("time.date b").first.inner_text() == day
