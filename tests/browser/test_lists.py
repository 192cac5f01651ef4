"""Lists in Chromium, without JavaScript: the filters of events and of a guest list, and the list to print."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.browser import people
from tests.browser.conftest import serving
from tests.browser.test_every_page import axe, serious  # noqa: F401

HERE = Path(__file__).parent
SIZES = {"phone": {"width": 390, "height": 844}, "wide": {"width": 1280, "height": 900}}
NETWORK = SimpleNamespace(settings=lambda **_: {})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site with thirty events, and sixty guests of one."""
    data = tmp_path_factory.mktemp("lists")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ELONARA_")}
    environment = kept | {"DJANGO_SETTINGS_MODULE": "elonara.config.settings", "ELONARA_DATA_DIR": str(data)}
    seed = [sys.executable, "-m", "tests.browser.listed_events", people.PASSWORD]
    subprocess.run(seed, env=environment, cwd=HERE.parent.parent, check=True)
    with serving(NETWORK, data) as running:
        yield running


@pytest.fixture(scope="module")
def jars(site, chromium):
    """The cookies of the host and of another member."""
    found = {}
    for who in ("alice", "bruna"):
        context = chromium.new_context(base_url=site.url, timezone_id="Europe/Berlin")
        people.sign_in(context.new_page(), who)
        found[who] = context.storage_state()
        context.close()
    return found


@pytest.fixture
def who():
    """Whose pages they are."""
    return "alice"


@pytest.fixture(params=["light", "dark"])
def browser(request, chromium, site, jars, who):
    """`browser(javascript=False)`: a page of that member's, light or dark."""
    contexts = []

    def open_one(*, javascript):
        context = chromium.new_context(
            base_url=site.url, viewport=SIZES["phone"], storage_state=jars[who], java_script_enabled=javascript,
            color_scheme=request.param,
        )  # fmt: skip
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.scheme = request.param
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(browser):
    return browser(javascript=False)


@pytest.fixture
def sound(page, browser, picture, axe):  # noqa: F811
    """The page as it stands, narrow and wide: no finding, nothing beside the page. The checker needs JavaScript."""
    checked = browser(javascript=True)

    def look(name):
        checked.goto(page.url)
        for label, size in SIZES.items():
            for one in (page, checked):
                one.set_viewport_size(size)
            picture(page, f"lists-{name}-{label}-{page.scheme}")
            assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not serious(checked, axe)

    return look


def titles(page):
    return page.locator("ul.events h3").all_inner_texts()


def test_events_are_narrowed(page, sound):
    page.goto("/events")
    assert len(titles(page)) == 24
    assert page.get_by_text("People you follow are going:").count() == 1
    sound("all")
    page.get_by_role("link", name="This month").click()
    assert page.get_by_role("link", name="This month").get_attribute("aria-current") == "true"
    page.get_by_role("link", name="Any day").click()
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Community").select_option("Bread Circle")
    page.get_by_label("With places left").check()
    page.get_by_role("button", name="Show events").click()
    assert titles(page) == [f"Walk {number}" for number in range(30) if number % 3 == 0 and number % 5]
    sound("narrowed")
    page.get_by_label("Search by title, place or description").fill("walk 21")
    page.get_by_role("button", name="Search").click()
    assert titles(page) == ["Walk 21"]
    page.get_by_label("From").fill("2040-01-01")
    page.get_by_role("button", name="Show events").click()
    assert page.get_by_role("heading", name="No upcoming event matches “walk 21” and the filters").count()
    sound("nothing")
    page.get_by_role("link", name="Clear the filters").last.click()
    assert titles(page) == ["Walk 21"]


@pytest.mark.parametrize("who", ["bruna"])
def test_who_is_followed_stands_on_the_page(page, sound):
    page.goto("/events/winter-supper")
    assert page.get_by_text("others you follow").count()
    sound("followed")


def test_guests_are_found_and_printed(page, sound, picture):
    page.goto("/events/winter-supper/manage?tab=guests")
    assert page.locator("tbody tr").count() == 60
    sound("guests")
    page.get_by_label("Search by name or handle").fill("LUKASZ")
    page.get_by_role("button", name="Search").click()
    assert page.locator("tbody tr").count() == 1
    assert page.get_by_role("link", name="Łukasz Kowalski").count()
    page.get_by_role("link", name="Clear the filters").click()
    page.get_by_label("Answer", exact=True).select_option("Going")
    page.get_by_label("Have not answered a required question").check()
    page.get_by_role("button", name="Show guests").click()
    assert page.locator("tbody tr").count() == 18
    sound("guests-narrowed")
    page.get_by_role("link", name="List to print").click()
    assert page.locator("tbody tr").count() == 18
    assert page.locator(".box").count() == 18
    sound("print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.goto("/events/winter-supper/guests/print")
    assert page.locator("tbody tr").count() == 36
    page.emulate_media(media="print")
    assert not page.get_by_role("link", name="Back to the guests").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('tr')).breakInside") == "avoid"
    picture(page, f"lists-on-paper-{page.scheme}")
    if folder := os.environ.get("BROWSER_PICTURES", ""):
        page.pdf(path=Path(folder) / "lists-on-paper.pdf", format="A4")
    page.emulate_media(media="screen")
    page.get_by_role("link", name="Back to the guests").click()
    page.get_by_role("heading", name="Guests", exact=True).wait_for()
