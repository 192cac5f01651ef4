"""Every route as visitor, member and host: no serious finding of axe, no horizontal scrolling, no CSP violation."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sandbox.supervisor import NODE
from tests.browser import people

HERE = Path(__file__).parent
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
NARROW = {"width": 360, "height": 740}

OPEN_TO_ALL = (
    "/", "/events", "/events?show=past", "/events?q=nothing-like-it", "/communities", "/invitations", "/about",
    "/auth/bluesky/start", "/events/{event}", "/communities/{community}", "/i/nobody-knows-this-one",
    "/nothing-here", "/first-run/used-up", "/events/{event}/report", "/@alice",
    "/events/{event}/answer?answer=going&note=By+train", "/digest/unknown",
)  # fmt: skip
SIGNED_OUT = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/")
SIGNED_IN = (
    "/profile", "/profile/edit", "/profile/edit?tab=about", "/profile/edit?tab=signin", "/profile/edit?tab=invitations",
    "/profile/edit?tab=data", "/profile/delete", "/events/create", "/events?show=mine", "/communities/create",
    "/accounts/logout/", "/accounts/email/", "/accounts/2fa/", "/accounts/sessions/", "/accounts/password/change/",
)  # fmt: skip
HOST = (
    "/events/{event}/manage", "/events/{event}/manage?tab=guests", "/events/{event}/guests/print",
    "/events/{event}/manage?tab=invite",
    "/events/{event}/manage?tab=invite&list=followers", "/events/{event}/manage?tab=invite&q=nobody-at-all",
    "/events/{event}/manage?tab=invite&step=check", "/events/{event}/manage?tab=invite&step=watch",
    "/events/{event}/manage?tab=invite&step=take-back", "/communities/{community}/manage?tab=invite&step=take-back",
    "/events/{event}/manage?tab=hosts", "/events/{event}/manage?tab=messages", "/events/{event}/edit",
    "/events/{event}/cancel", "/events/{event}/questions", "/events/{event}/again", "/events/{event}/transfer",
    "/communities/{community}/transfer",
    "/communities/{community}/manage", "/communities/{community}/manage?tab=members",
    "/communities/{community}/members",
    "/communities/{community}/manage?tab=invite", "/communities/{community}/edit", "/communities/{community}/close",
    "/communities/{community}/leave",
)  # fmt: skip


@pytest.fixture(scope="session")
def axe():
    """The accessibility checker; installed beside this file when it is missing."""
    if not AXE.exists():
        npm = shutil.which("npm")
        if npm is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
                "axe-core is not installed: npm is missing"
            )
        path = f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"
        command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=HERE, check=True, env=os.environ | {"PATH": path})
    return AXE.read_text()


@pytest.fixture(scope="module")
def jars(network, site, chromium, host_jar):
    """A host with an event that has invitations and a community; a member without Bluesky; a visitor."""
    host = chromium.new_context(base_url=site.url, timezone_id="Europe/Berlin", storage_state=host_jar)
    member = chromium.new_context(base_url=site.url, timezone_id="Europe/Berlin")
    for context in (host, member):
        context.set_default_timeout(20_000)
    page = host.new_page()
    event = people.create_event(page, "Long table " + "very long words " * 5)
    people.pick(page, "bob.test")
    people.send_and_watch(page, 1)
    people.pick_again(page, event, "dan.test")
    page.goto("/communities/create")
    page.get_by_label("Name").fill("Sunday Bread Circle")
    page.get_by_role("button", name="Create the community").click()
    page.wait_for_url("**/manage?tab=invite")
    community = page.url.split("/communities/")[1].split("/")[0]
    people.sign_up(member.new_page(), "mallory")
    found = {"host": host.storage_state(), "member": member.storage_state(), "visitor": None}
    host.close()
    member.close()
    return found, {"event": event, "community": community}


# Of the links of the bar under the thumb, those that something else lies over, wherever the page is scrolled to.
COVERED = """() => {
  const covered = new Set();
  for (let top = 0; top < document.documentElement.scrollHeight; top += 150) {
    window.scrollTo({top, behavior: 'instant'});
    for (const link of document.querySelectorAll('.nav a')) {
      const box = link.getBoundingClientRect(), x = box.left + box.width / 2, y = box.top + box.height / 2;
      if (box.width && y < innerHeight && y > 0 && !link.contains(document.elementFromPoint(x, y)))
        covered.add(link.textContent.trim());
    }
  }
  window.scrollTo({top: 0, behavior: 'instant'});
  return [...covered];
}"""


def serious(page, axe):
    """What axe calls serious or critical on the page as it stands."""
    page.evaluate(axe)  # by the debugger protocol: the site's Content Security Policy would block a script element
    found = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {node['html'][:160]}"
        for fault in found["violations"]
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", ["visitor", "member", "host"])
def test_every_page_is_sound(open_browser, jars, axe, who, scheme):
    kept, names = jars
    paths = OPEN_TO_ALL + {"visitor": SIGNED_OUT, "member": SIGNED_IN, "host": SIGNED_IN + HOST}[who]
    page = open_browser(jar=kept[who], color_scheme=scheme)
    faults = []
    for path in (path.format(**names) for path in paths):
        page.set_viewport_size(NARROW)
        response = page.goto(path)
        if response.status >= 500:
            faults.append(f"{path}: {response.status}")
            continue
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            faults.append(f"{path}: scrolls sideways at 360 px")
        faults += [f"{path}: something lies over {link!r}" for link in page.evaluate(COVERED)]
        faults += [f"{path}: {fault}" for fault in serious(page, axe)]
    assert not faults + page.complaints, "\n".join(faults + page.complaints)


def test_a_visitor_is_sent_to_sign_in_and_back(open_browser, jars):
    _, names = jars
    page = open_browser()
    page.goto(f"/events/{names['event']}/manage?tab=guests")
    assert "/accounts/login/" in page.url
    people.sign_in_here(page, "alice")
    page.wait_for_url("**/manage?tab=guests")


def test_the_colours_stay_without_a_script(open_browser):
    page = open_browser(javascript=False)
    page.goto("/events")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Apply").click()
    page.goto("/communities")
    assert page.locator("html").get_attribute("data-theme") == "dark"
