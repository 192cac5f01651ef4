"""The picture at the top of the README: the demo as a newcomer sees it, after the steps that the README names.

`README_PICTURE=docs/screenshot.png script/test browser -- -k readme` takes it anew.
"""

import os
from pathlib import Path

from sandbox import demo
from sandbox import network as networks
from tests.browser import people
from tests.browser.conftest import serving

SIZE = {"width": 1100, "height": 1040}


def test_the_readme_shows_what_the_demo_shows(chromium, tmp_path):
    handles = [handle.split(".")[0] for handle in demo.CARD]
    with networks.start(accounts=handles) as net:
        demo.populate(net)
        with serving(net, tmp_path, raised_caps=False) as site:
            page = chromium.new_page(base_url=site.url, viewport=SIZE, timezone_id="Europe/Lisbon")
            page.set_default_timeout(30_000)
            page.goto("/")
            page.get_by_label("Your Bluesky handle").fill("alice.test")
            page.get_by_role("button", name="I want to invite people").click()
            people.at_the_pds(page, net, "alice.test")
            page.get_by_role("button", name="Create my account").click()
            slug = people.create_event(page, "Winter picnic by the river")
            page.get_by_role("link", name="Add an app password").click()
            people.keep_app_password(page, net, "alice.test")
            page.wait_for_url(f"**/events/{slug}/manage?tab=invite")
            rows = page.locator("label.person")
            rows.nth(12).wait_for()
            for number in (0, 2, 3, 5):
                rows.nth(number).locator("input").check()
            assert page.get_by_text("Ready to post: yes, from @alice.test by app password").is_visible()
            assert page.locator(".tray").get_by_role("button", name="Next: check").is_visible()
            page.evaluate("scrollTo(0, 0)")
            page.wait_for_load_state("networkidle")
            shot = page.screenshot()
            page.close()
    assert shot.startswith(b"\x89PNG")
    if where := os.environ.get("README_PICTURE"):
        Path(where).write_bytes(shot)
