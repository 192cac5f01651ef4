"""The pages in a language that is two fifths longer than English: nothing beside the screen, no word cut off."""

import os
import re

import pytest
from tests.browser.test_crowded_pages import BEYOND, MANAGE, PAGES, crowd

WIDTHS = (320, 390)
# A look at each kind of page; `LONGER=all` looks at every page of the crowded site.
SAMPLE = (
    "/", "/events", "/events/{event}", "/profile/edit", f"{MANAGE}?tab=guests", f"{MANAGE}?tab=invite",
    f"{MANAGE}?tab=invite&step=check", f"{MANAGE}?tab=invite&step=watch", "/events/{event}/edit",
    "/communities/{community}/manage?tab=members",
)  # fmt: skip
# Elements that hide a part of their own words. Names and titles of people may end in "…": they are given in full
# beside it (`title`) or on the page that they lead to.
CUT = """() => [...document.querySelectorAll('body *')].filter((one) => {
    const style = getComputedStyle(one);
    const text = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!text || one.closest('.sr-only, [hidden], .name, .handle') || style.visibility === 'hidden') return false;
    if (one.tagName === 'OPTION' || one.tagName === 'TEXTAREA') return false;
    const hides = !['visible', 'auto', 'scroll'].includes(style.overflowX) && one.clientWidth > 1;
    return hides && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1);
}).slice(0, 5).map((one) => `${one.tagName}.${one.className}: ${one.textContent.trim().slice(0, 60)}`).join(', ')"""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    with crowd(tmp_path_factory.mktemp("longer"), "tests.browser.pseudo_settings") as site:
        yield site


def test_nothing_is_cut_off(chromium, crowded, picture):
    context = chromium.new_context(base_url=crowded.url)
    context.add_cookies([{"name": "elonara_session", "value": crowded.jars["host"], "url": crowded.url}])
    page, faults = context.new_page(), []
    paths = PAGES["host"] if os.environ.get("LONGER") == "all" else SAMPLE
    for path in (path.format(**crowded.places) for path in paths):
        response = page.goto(path)
        if response.status >= 500 or not re.search("[åéîöû]", page.locator("main").inner_text()):
            faults.append(f"{path}: {response.status}, not in that language")
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            faults += [f"{path} at {width} px: {found}" for found in map(page.evaluate, (BEYOND, CUT)) if found]
        picture(page, f"longer-{path.strip('/').replace('/', '-').replace('?', '-')}")
    context.close()
    assert not faults, "\n".join(faults)
