"""Pages that show much of everything, and words without a space: on the narrowest telephones nothing scrolls sideways
and nothing is squeezed."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.browser.test_every_page import axe, serious  # noqa: F401
from tests.ports import free_port

WIDTHS = (320, 360, 390)
START_SECONDS = 30
MANAGE = "/events/{event}/manage"
WATCH = f"{MANAGE}?tab=invite&step=watch"
PAGES = {
    "host": (
        WATCH, f"{WATCH}&page=2", f"{WATCH}&page=5", f"{WATCH}&page=99",
        "/communities/{community}/manage?tab=invite&step=watch&page=99",
        "/", "/events?show=mine", "/events/{event}", "/communities/{community}", "/profile", "/profile/edit",
        "/profile/edit?tab=about", "/profile/edit?tab=invitations", MANAGE, f"{MANAGE}?tab=guests",
        f"{MANAGE}?tab=hosts", f"{MANAGE}?tab=invite", f"{MANAGE}?tab=invite&step=check",
        f"{MANAGE}?tab=invite&step=email", f"{MANAGE}?tab=invite&step=take-back", "/events/{event}/edit",
        "/events/{event}/cancel", "/events/{event}/guests/print", "/@hanna", "/events",
        "/communities/{community}/manage", "/communities/{community}/manage?tab=members",
        "/communities/{community}/members", "/communities/{community}/members?page=2",
        "/communities/{community}/manage?tab=invite", "/communities/{community}/edit",
    ),
    "operator": (
        "/admin/jobs/", "/admin/", "/admin/elonara/report/", "/admin/elonara/report/1/change/",
        "/admin/elonara/auditentry/", "/admin/elonara/invitation/", "/admin/elonara/emailinvitation/",
        "/admin/elonara/event/", "/admin/elonara/community/", "/admin/elonara/member/", "/events/{event}",
        "/communities/{community}",
    ),
}  # fmt: skip
# The first elements that reach beyond the screen, so that a failure says what to mend.
BEYOND = """() => {
    const wide = document.scrollingElement.scrollWidth, seen = document.documentElement.clientWidth;
    if (wide <= seen) return '';
    const all = [...document.querySelectorAll('body *')];
    const beyond = all.filter((one) => one.getBoundingClientRect().right > seen + 1);
    return `${wide} of ${seen}: ` + beyond.slice(0, 5).map((one) => `${one.tagName}.${one.className}`).join(', ');
}"""

# Elements whose words have so little room that they run down the page a few letters a line. One word without an end
# does so anywhere.
SQUEEZED = """() => [...document.querySelectorAll('main *')].filter((one) => {
    const text = [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join('').trim();
    const { width, height } = one.getBoundingClientRect();
    const endless = text.split(/\\s+/).some((word) => word.length > 30);
    return text.length > 12 && !endless && width > 1 && height > 100 && height > 3 * width;
}).slice(0, 5).map((one) => `${one.tagName}.${one.className}: ${one.textContent.trim().slice(0, 60)}`).join(', ')"""


@contextlib.contextmanager
def crowd(data, settings):
    """The site of `tests.browser.crowded`, whose posts stay as they are: it serves pages and runs no jobs."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ELONARA_")} | {
        "ELONARA_DATA_DIR": str(data), "ELONARA_CONFIG": os.devnull, "ELONARA_SITE__URL": url,
        "ELONARA_HTTP__PORT": str(port), "DJANGO_SETTINGS_MODULE": settings,
    }  # fmt: skip
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.browser.crowded"]
    filled = subprocess.run(command, env=environment, cwd=root, stdout=subprocess.PIPE, check=True, text=True)
    command = [sys.executable, "-m", "elonara.cli", "serve", "--without-jobs"]
    with (data / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        for line in process.stdout:
            if url in line:
                break
        urllib.request.urlopen(f"{url}/about", timeout=START_SECONDS).close()
        yield SimpleNamespace(url=url, **json.loads(filled.stdout))
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """It in English."""
    with crowd(tmp_path_factory.mktemp("crowded"), "elonara.config.settings") as site:
        yield site


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", PAGES)
def test_nothing_is_wider_than_the_screen(chromium, crowded, axe, who, scheme):  # noqa: F811
    context = chromium.new_context(base_url=crowded.url, color_scheme=scheme)
    context.add_cookies([{"name": "elonara_session", "value": crowded.jars[who], "url": crowded.url}])
    page, faults = context.new_page(), []
    for path in (path.format(**crowded.places) for path in PAGES[who]):
        page.set_viewport_size({"width": WIDTHS[0], "height": 740})
        response = page.goto(path)
        if response.status >= 500 or page.url != crowded.url + path:
            faults.append(f"{path}: {response.status} at {page.url}")
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        for width in WIDTHS if scheme == "light" else ():
            page.set_viewport_size({"width": width, "height": 740})
            if beyond := page.evaluate(BEYOND):
                faults.append(f"{path}: scrolls sideways at {width} px, {beyond}")
            if squeezed := page.evaluate(SQUEEZED):
                faults.append(f"{path}: squeezed at {width} px, {squeezed}")
        # Django's own pages are not ours to mend, and the longest list says no more than the first page does.
        if who == "host" and path.endswith(("step=watch", "step=take-back", "tab=hosts", "page=99")):
            faults += [f"{path}: {fault}" for fault in serious(page, axe)]
    context.close()
    assert not faults, "\n".join(faults)
