"""Choosing forty people out of 5,000 in Chromium: by mouse, by touch, by keyboard alone, and without JavaScript.

The people are stored before the site starts, so these tests need no Bluesky. Every press is counted, from the event's
page to forty chosen people; `-s` shows the counts. `DOCS_PICTURES=docs/pictures script/test browser -- -k picking`
takes the pictures of docs/invitations.md anew.
"""

import itertools
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect
from tests.browser import people
from tests.browser.conftest import PHONE, serving
from tests.browser.test_every_page import axe, serious  # noqa: F401

HERE = Path(__file__).parent
WIDE = {"width": 1280, "height": 900}
NUMBERS = itertools.count(1)  # of events
NETWORK = SimpleNamespace(settings=lambda **_: {})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site where Alice knows 5,000 people."""
    data = tmp_path_factory.mktemp("picking")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ELONARA_")}
    environment = kept | {"DJANGO_SETTINGS_MODULE": "elonara.config.settings", "ELONARA_DATA_DIR": str(data)}
    seed = [sys.executable, "-m", "tests.browser.stored_people", people.PASSWORD]
    subprocess.run(seed, env=environment, cwd=HERE.parent.parent, check=True)
    with serving(NETWORK, data) as running:
        yield running


@pytest.fixture(scope="module")
def jar(site, chromium):
    context = chromium.new_context(base_url=site.url, timezone_id="Europe/Berlin")
    people.sign_in(context.new_page(), "alice")
    found = context.storage_state()
    context.close()
    return found


@pytest.fixture
def visit(chromium, site, jar):
    """`visit(size, **options)`: the page of an event that nobody is invited to yet; its `presses` are counted."""
    contexts = []

    def open_one(size, **options):
        context = chromium.new_context(base_url=site.url, viewport=size, storage_state=jar, **options)
        context.set_default_timeout(15_000)
        context.route("https://cdn.bsky.app/**", lambda route: route.abort())
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda fault: page.complaints.append(str(fault)))
        page.on("console", lambda said: page.complaints.append(said.text) if "Content Security" in said.text else None)
        page.event = f"/events/winter-picnic-{next(NUMBERS)}"
        page.pick = f"{page.event}/manage?tab=invite"
        page.presses = 0
        page.goto(page.event)
        return page

    yield open_one
    for context in contexts:
        context.close()


def press(page, action, *given):
    """One press of whatever kind."""
    page.presses += 1
    action(*given)


def shows(page, name):
    """Wait until the first of the list is called so."""
    page.locator("#rows .name").first.filter(has_text=name).wait_for()


def opened(page, key):
    """Wait until this list is shown."""
    page.locator(f'[data-view="{key}"]').wait_for()


def chosen(page):
    return int(page.locator("#said").inner_text().split()[-2])


def saved(page, count):
    """Wait until the site has it: what another device would see."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        other = page.context.new_page()
        other.goto(page.pick + "&list=chosen")
        found = other.locator(".tray").get_attribute("data-count")
        other.close()
        if found == str(count):
            return
    raise AssertionError(f"{found} are saved, not {count}")


def test_next_is_not_active_while_nobody_is_chosen(visit):
    page = visit(WIDE)
    page.goto(page.pick)
    next_step = page.get_by_role("button", name="Next: check")
    assert next_step.is_disabled()

    box = page.locator("#rows input[name=did]:not([disabled])").first
    box.check()
    assert next_step.is_enabled()
    box.uncheck()
    assert next_step.is_disabled()


def test_forty_by_mouse(visit, picture):
    page = visit(WIDE)
    began = time.monotonic()
    press(page, page.get_by_role("link", name="Invite people").click)
    page.locator("#rows").wait_for()
    press(page, page.get_by_role("button", name="Followers").click)
    press(page, page.get_by_role("button", name="Oldest").click)
    shows(page, "Friend 4999")
    for row in page.locator("label.person").all()[:3]:
        press(page, row.click)
    page.locator("#q").click()
    page.presses += 1
    page.keyboard.type("tanaka sak")
    page.presses += len("tanaka sak")
    page.get_by_text("12 people found").wait_for()
    picture(page, "pick-1280-search", docs=True)
    press(page, page.get_by_role("button", name="Choose all 12 shown").click)
    assert chosen(page) == 15
    page.locator("#q").fill("")
    page.presses += 2  # all of it marked, and deleted
    press(page, page.get_by_role("button", name="Mutual").click)
    opened(page, "mutuals")
    for _ in range(25):
        press(page, page.locator("label.person:not(:has(:checked))").first.click)
    assert chosen(page) == 40
    picture(page, "pick-1280")
    print(f"mouse: {page.presses} presses, {time.monotonic() - began:.1f} s")
    saved(page, 40)
    press(page, page.get_by_role("button", name="Review").click)
    page.get_by_role("heading", name="Who is chosen").wait_for()
    page.get_by_role("button", name="Remove Friend 4999").click()
    page.get_by_text("39 chosen").first.wait_for()
    saved(page, 39)
    page.go_back()
    opened(page, "mutuals")
    assert not page.complaints


def test_forty_by_touch(visit, picture, axe):  # noqa: F811
    page = visit(PHONE, has_touch=True, is_mobile=True)
    began = time.monotonic()
    press(page, page.get_by_role("link", name="Invite people").tap)
    page.locator("#rows").wait_for()
    picture(page, "pick-390")
    press(page, page.locator("#q").tap)
    page.keyboard.type("łuk")
    page.presses += 3
    page.get_by_text("Best matches first").or_(page.get_by_text("people found")).first.wait_for()
    shows(page, "Łukasz")
    for row in page.locator("label.person").all()[:9]:
        press(page, row.tap)
    page.locator("#q").fill("")
    page.presses += 1
    press(page, page.get_by_role("button", name="Following").tap)
    opened(page, "follows")
    for _ in range(31):
        press(page, page.locator("label.person:not(:has(:checked))").first.tap)
    assert chosen(page) == 40
    print(f"touch: {page.presses} presses, {time.monotonic() - began:.1f} s")
    page.wait_for_timeout(400)  # until the highlight of the last tap is gone
    picture(page, "pick-390-chosen", docs=True)
    saved(page, 40)
    assert not serious(page, axe)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    press(page, page.get_by_role("button", name="Review").tap)
    page.get_by_role("heading", name="Who is chosen").wait_for()
    picture(page, "pick-390-review")
    assert not serious(page, axe)
    assert not page.complaints


def test_forty_by_keyboard_alone(visit, picture):
    page = visit(WIDE)
    began = time.monotonic()

    def key(name, times=1):
        for _ in range(times):
            press(page, page.keyboard.press, name)

    def focused():
        return page.evaluate(
            "(({id, value, textContent}) => id || value || textContent.trim())(document.activeElement)"
        )

    while focused() != "Invite people":
        key("Tab")
    key("Enter")
    page.locator("#rows").wait_for()
    while focused() != "q":
        key("Tab")
    page.keyboard.type("tanaka sak")
    page.presses += 10
    page.get_by_text("12 people found").wait_for()
    key("ArrowDown")
    for _ in range(11):
        key("Space")
        key("ArrowDown")
    key("Space")
    assert chosen(page) == 12
    key("Escape")
    key("Delete")  # Escape has marked the search
    shows(page, "Friend 0")
    while focused() != "list:followers":
        key("Tab")
    key("Enter")
    opened(page, "followers")
    assert focused() == "list:followers", "the focus stays on what was pressed"
    key("Tab")
    while not focused().startswith("did:"):
        key("Tab")
    picture(page, "pick-1280-keyboard")
    while chosen(page) < 40:
        if not page.evaluate("document.activeElement.checked"):
            key("Space")
        key("ArrowDown")
    print(f"keyboard: {page.presses} presses, {time.monotonic() - began:.1f} s")
    assert page.presses < 140
    saved(page, 40)
    assert not page.complaints


def test_forty_without_javascript(visit, picture):
    page = visit(PHONE, java_script_enabled=False)
    page.get_by_role("link", name="Invite people").click()
    page.get_by_role("button", name="Followers").click()
    opened(page, "followers")
    for row in page.locator("label.person").all()[:20]:
        row.click()
    page.get_by_role("button", name="Show more").click()
    tray = page.locator(".tray")
    expect(tray).to_have_attribute("data-count", "20")  # the next page has come
    for row in page.locator("label.person").all()[:18]:
        row.click()
    page.locator("#q").fill("tanaka sak")
    page.keyboard.press("Enter")
    page.get_by_text("12 people found").wait_for()
    for _ in range(2):
        page.locator("label.person:not(:has(:checked))").first.click()
    page.get_by_role("button", name="Review").click()
    page.get_by_role("heading", name="Who is chosen").wait_for()
    expect(tray).to_have_attribute("data-count", "40")
    picture(page, "pick-390-nojs-review")
    page.get_by_role("button", name="Remove").first.click()
    expect(tray).to_have_attribute("data-count", "39")


PASTED = [f"@friend{number}.example" for number in (13, 14, 15, 16)]
LEFT = ["friend12.example", "not-a-handle"]


def leads_to_names(page):
    """The field of names is reached by keyboard, and is the focus of the page that shows what became of it."""
    while page.evaluate("document.activeElement.textContent.trim().split(',')[0]") != "Paste handles":
        press(page, page.keyboard.press, "Tab")
    press(page, page.keyboard.press, "Enter")
    press(page, page.keyboard.press, "Tab")


def left_as_typed(page, picture, name):
    page.locator("#left-out").wait_for()
    assert page.evaluate("document.activeElement.id") == "who"
    assert page.locator("#who").input_value().split() == LEFT
    assert page.locator("#left-out .reason").all_inner_texts()[0].startswith("This account blocks you")
    assert page.locator(".tray").get_attribute("data-count") == "4"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    picture(page, name, docs=True)


def test_names_are_pasted_by_keyboard_alone(visit, picture, axe):  # noqa: F811
    page = visit(WIDE)
    page.goto(page.pick)
    page.locator("#rows").wait_for()
    page.locator("#foot button").first.focus()  # the people before it have stories of their own
    leads_to_names(page)
    page.keyboard.insert_text("\n".join([*PASTED, *LEFT]))
    press(page, page.keyboard.press, "Tab")
    press(page, page.keyboard.press, "Enter")
    left_as_typed(page, picture, "pick-1280-pasted")
    assert not serious(page, axe)
    assert not page.complaints
    saved(page, 4)


def test_names_are_pasted_on_a_phone_without_javascript(visit, picture):
    page = visit(PHONE, java_script_enabled=False, has_touch=True)
    page.goto(page.pick)
    page.get_by_text("Paste handles").tap()
    page.locator("#who").fill(", ".join([*PASTED, *LEFT]))
    page.get_by_role("button", name="Add", exact=True).tap()
    page.locator("#left-out").wait_for()
    picture(page, "pick-390-pasted")
    page.locator("#who").fill("")
    page.get_by_role("button", name="Review").tap()
    page.get_by_role("heading", name="Who is chosen").wait_for()
    expect(page.locator("[value^='drop:']")).to_have_count(4)


def test_two_devices_never_undo_each_other(visit):
    page = visit(WIDE)
    page.goto(page.pick)
    other = page.context.new_page()
    other.goto(page.pick)
    page.locator("label.person").nth(0).click()
    saved(page, 1)
    other.locator("label.person").nth(1).click()
    saved(page, 2)
    page.locator("label.person").nth(0).click()
    saved(page, 1)


def test_what_was_ticked_while_the_site_was_away_is_saved_later(visit):
    page = visit(WIDE)
    page.goto(page.pick)
    page.context.set_offline(True)
    page.locator("label.person").nth(0).click()
    page.locator("label.person").nth(1).click()
    page.get_by_text("Not saved yet").wait_for()
    assert chosen(page) == 2
    page.context.set_offline(False)
    page.get_by_text("Not saved yet").wait_for(state="hidden")
    saved(page, 2)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{"width": 320, "height": 700}, PHONE, WIDE], ids=["320", "390", "1280"])
def test_the_picker_is_sound(visit, axe, size, scheme):  # noqa: F811
    page = visit(size, color_scheme=scheme)
    faults = []
    for query in ("", "&list=followers&sort=oldest", "&q=tanaka", "&q=nobody-at-all", "&list=chosen", "&list=ways"):
        page.goto(page.pick + query)
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            faults.append(f"{query}: scrolls sideways")
        faults += [f"{query}: {fault}" for fault in serious(page, axe)]
    assert not faults + page.complaints, "\n".join(faults + page.complaints)
