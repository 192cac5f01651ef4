"""A running site, browsers that use it, and the real local Bluesky network of the sandbox."""

import contextlib
import io
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, expect, sync_playwright
from tests.browser import people
from tests.fakes.mail_server import MailServer
from tests.networks import *  # noqa: F403
from tests.ports import free_port

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A page waits longer for the network than it lets a visitor wait: suites beside this one take its processors.
# What a page shows that gives up is tested in tests/unit/web/slow_servers.
SERVE = """
import sys
from elonara.bluesky import outward
from elonara.cli import main
outward.GIVE_UP_SECONDS = 30.0
sys.exit(main(["serve"]))
"""
EXPECT_MS = 20_000  # how long `expect` waits, as long as a press does
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1100, "height": 800}


@dataclass
class Site:
    """A running site: its URL, and the first-run link that it printed."""

    url: str
    first_run: str


@contextlib.contextmanager
def serving(network, data, *, raised_caps=True, mail_url=""):
    """Runs `elonara serve` as an operator does: in a process of its own, jobs included."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ELONARA_")}
    environment = kept | network.settings(raised_caps=raised_caps)
    environment |= {"DJANGO_SETTINGS_MODULE": "elonara.config.settings"}
    environment |= {"ELONARA_DATA_DIR": str(data), "ELONARA_SITE__URL": url, "ELONARA_HTTP__PORT": str(port)}
    if mail_url:
        environment |= {"ELONARA_EMAIL__URL": mail_url, "ELONARA_EMAIL__FROM": "events@site.test"}
    log = data / "serve.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            env=environment,
            cwd=data,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        first_run = ""
        for line in process.stdout:
            if "/first-run/" in line:
                first_run = line.split()[-1]
                break
        assert first_run, log.read_text()
        with urllib.request.urlopen(f"{url}/health") as response:
            assert response.status == 200
        yield Site(url, first_run)
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def mail_server():
    """The SMTP server that receives the site's e-mails."""
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def site(network, mail_server, tmp_path_factory):
    """One site for all tests of a run."""
    with serving(network, tmp_path_factory.mktemp("site"), mail_url=mail_server.url) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def whole_pages():
    """A press ends when the page that it leads to is there as a whole: playwright waits for its beginning alone."""

    def click(locator, **how):
        plain(locator, **how)
        locator.page.wait_for_load_state("domcontentloaded")

    plain = Locator.click
    expect.set_options(timeout=EXPECT_MS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Locator, "click", click)
        yield


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def host_jar(network, site, chromium):
    """Alice's cookies: the operator, connected by OAuth on the PDS's own pages, with an app password."""
    context = chromium.new_context(base_url=site.url, timezone_id="Europe/Berlin")
    context.set_default_timeout(20_000)
    page = context.new_page()
    people.become_operator(page, site)
    people.connect(page, network, "alice.test")
    people.add_app_password(page, network, "alice.test")
    jar = context.storage_state()
    context.close()
    return jar


@pytest.fixture
def open_browser(chromium, site):
    """`open_browser(phone=True, javascript=False)`: a page in a new browser context without cookies."""
    contexts = []

    def open_one(*, phone=False, javascript=True, jar=None, **options):
        context = chromium.new_context(
            base_url=site.url,
            viewport=PHONE if phone else DESKTOP,
            java_script_enabled=javascript,
            timezone_id="Europe/Berlin",
            storage_state=jar,
            **options,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda fault: page.complaints.append(str(fault)))
        page.on("console", lambda said: page.complaints.append(said.text) if "Content Security" in said.text else None)
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def picture():
    """`picture(page, "pick")` keeps a screenshot where BROWSER_PICTURES names a folder.

    `docs`: what the window shows is a picture of the documentation, which is kept where DOCS_PICTURES names a folder.
    """

    def kept(variable, name):
        folder = os.environ.get(variable, "")
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
        return Path(folder) / f"{name}.png" if folder else None

    def take(page, name, *, docs=False):
        if where := kept("BROWSER_PICTURES", name):
            page.screenshot(path=where, full_page=True)
        if docs and (where := kept("DOCS_PICTURES", name)):
            shot = Image.open(io.BytesIO(page.screenshot(animations="disabled")))
            shot.convert("RGB").quantize(128).save(where, optimize=True)  # a third of the size

    return take
