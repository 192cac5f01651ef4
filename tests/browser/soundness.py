"""Whether a page is sound as it stands: narrow and wide, light and dark; and what a picture of it shows."""

import pytest
from tests.browser.test_every_page import axe, serious  # noqa: F401

NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
# Corners of an element, inside of its rounding: is it itself there, or something that covers it?
SEEN = """element => {
  const box = element.getBoundingClientRect(), inset = Math.min(12, box.width / 4, box.height / 4);
  return [[box.left, box.top], [box.right, box.bottom]].every(([x, y], end) => {
    const there = document.elementFromPoint(end ? x - inset : x + inset, end ? y - inset : y + inset);
    return there !== null && (element.contains(there) || there.contains(element));
  });
}"""


def sound(page, axe, picture, name):  # noqa: F811
    """No finding, and nothing beside the page. Pictures are taken of the light one."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for label, size in (("phone", NARROW), ("wide", WIDE)):
            page.set_viewport_size(size)
            if scheme == "light":
                picture(page, f"{name}-{label}")
            where = f"{name}, {label}, {scheme}"
            assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"), (
                where
            )
            assert not serious(page, axe), where
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")


@pytest.fixture
def look(open_browser, picture, axe):  # noqa: F811
    """`look(page, "name")`: the page as it stands, in a browser that runs scripts, which the checker needs."""

    def at(page, name):
        copy = open_browser(jar=page.context.storage_state())
        copy.goto(page.url)
        sound(copy, axe, picture, name)
        assert not copy.complaints
        copy.close()

    return at


def scroll_to(top, *seen):
    """Scroll to `top`, so that it and the others of `seen` are in the window and nothing covers them."""
    top.evaluate("element => element.scrollIntoView({block: 'start', behavior: 'instant'})")
    for element in (top, *seen):
        assert element.evaluate(SEEN), element
