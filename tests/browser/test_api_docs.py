"""The API docs in a browser; they load nothing from other sites."""

import re

import pytest
from playwright.sync_api import expect


def test_the_docs_show_every_call_and_load_nothing_from_other_sites(open_browser, site):
    page = open_browser()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/api/v1/")
    assert page.url == f"{site.url}/api/v1/docs"
    expect(page.locator(".opblock")).to_have_count(68)
    page.locator("#operations-you-elonara_api_me_me").click()
    expect(page.locator("#operations-you-elonara_api_me_me .opblock-body")).to_contain_text("Unauthorized")
    page.wait_for_load_state("networkidle")
    outside = [url for url in asked if not url.startswith((f"{site.url}/", "data:"))]
    assert outside == []
    assert page.complaints == []


def test_the_docs_try_calls_out(open_browser):
    page = open_browser()
    page.goto("/api/v1/docs")
    call = page.locator("#operations-you-elonara_api_me_me")
    call.click()
    call.get_by_role("button", name="Try it out").click()
    call.get_by_role("button", name="Execute").click()
    expect(call.locator(".live-responses-table .response-col_status").nth(1)).to_contain_text(re.compile("401"))
    assert page.complaints == []


@pytest.mark.parametrize("width", [390, 1100])
def test_a_newcomer_can_read_them_at_any_width(open_browser, width):
    page = open_browser(phone=width == 390)
    page.goto("/api/v1/docs")
    expect(page.locator(".info .title")).to_contain_text("Elonara")
