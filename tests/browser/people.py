"""What people do on the site, as sequences of clicks."""

import re
from datetime import datetime, timedelta

PASSWORD = "correct horse battery staple"


def at_the_pds(page, network, handle, *, javascript=True, deny=False):
    """Sign in and consent on the PDS's own pages. They need JavaScript; without it, fetch their redirect instead."""
    if not javascript:
        page.get_by_text("the server's page").wait_for()
        page.unroute_all()
        page.goto(network.approve(page.leads_to, handle, deny=deny))
        return
    password = page.locator("input[type=password]")
    consent = page.get_by_role("button", name="Authorize")
    password.or_(consent).first.wait_for()
    if password.count():
        password.fill(network.accounts[handle].password)
        page.keyboard.press("Enter")
    if deny:
        page.get_by_role("button", name=re.compile("Deny|Cancel")).first.click()
        return
    consent.click()


def hold_at_the_pds(page):
    """Without JavaScript, do not open the PDS's page: it would bind the authorization request to its own cookies."""

    def hold(route):
        if route.request.method != "POST" and "/auth/bluesky/start" not in route.request.url:
            return route.continue_()
        response = route.fetch(max_redirects=0)
        where = response.headers.get("location", "")
        if "/oauth/authorize" not in where:
            return route.fulfill(response=response)
        page.leads_to = where
        headers = {name: value for name, value in response.headers.items() if name != "location"}
        return route.fulfill(status=200, headers=headers, body="<h1>the server's page</h1>")

    page.route("**/*", hold)


def become_operator(page, site, username="alice", name="Alice Moreira"):
    """The first-run link makes the account and signs in."""
    page.goto(site.first_run)
    page.get_by_label("Username").fill(username)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create the operator’s account").click()


def sign_in(page, username):
    """By username and password."""
    page.goto("/accounts/login/")
    sign_in_here(page, username)


def sign_in_here(page, username):
    """The same, on the page that asks for it."""
    page.get_by_text("With a username and a password").click()
    page.locator("[name=login]").fill(username)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def connect(page, network, handle, *, javascript=True):
    """Connect an account, from the status card to the PDS's pages and back."""
    page.goto("/profile/edit")
    if not javascript:
        hold_at_the_pds(page)
    page.get_by_label("Your Bluesky handle").fill(handle)
    page.locator("form[action='/auth/bluesky/connect'] button").click()
    at_the_pds(page, network, handle, javascript=javascript)
    page.get_by_text(f"Connected as @{handle}.").wait_for()


def add_app_password(page, network, handle):
    """Paste the app password into the status card."""
    page.goto("/profile/edit")
    keep_app_password(page, network, handle)


def keep_app_password(page, network, handle):
    """The same, on the status card."""
    page.get_by_role("textbox", name="App password").fill(network.accounts[handle].app_password)
    page.get_by_role("button", name="Save the app password").click()
    page.get_by_text("The app password is saved").wait_for()


def create_event(page, title, *, days=12, private=False):
    """Fill the form; ends on the picker. Returns the slug."""
    page.goto("/events/create")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Starts").fill((datetime.now() + timedelta(days=days)).strftime("%Y-%m-%dT15:00"))  # noqa: DTZ005
    page.get_by_label("Time zone").select_option("Europe/Lisbon")
    page.get_by_label("Place", exact=True).fill("Boathouse lawn, Lisbon")
    if private:
        page.get_by_label("Who may see it").select_option("private")
    page.get_by_role("button", name="Create the event").click()
    page.wait_for_url("**/manage?tab=invite")
    return page.url.split("/events/")[1].split("/")[0]


def show_followers(page):
    """Have the picker show the followers, and wait until it does: what is checked before that is lost."""
    shown = page.locator("#people")
    shown.wait_for()
    if shown.get_attribute("data-view") != "followers":
        page.get_by_role("button", name="Followers").click()
        page.locator('#people[data-view="followers"]').wait_for()


def pick(page, *names):
    """Choose people among the followers and go on."""
    show_followers(page)
    for name in names:
        page.locator("label.person", has_text=f"@{name}").locator("input").check()
    page.get_by_role("button", name="Next: check").click()
    page.get_by_role("heading", name="Check what Bluesky will show").wait_for()


def send_and_watch(page, count):
    """Click Send, then wait until all are sent, by "Refresh", which works without JavaScript too."""
    page.get_by_role("button", name=re.compile(f"^Send {count} invitation")).click()
    page.get_by_role("heading", name=re.compile("on Bluesky")).wait_for()
    for _ in range(30):
        if page.get_by_role("heading", name=f"{count} of {count}").count():
            return
        page.wait_for_timeout(1000)
        page.get_by_role("link", name="Refresh").click()
    raise AssertionError(page.locator("main").inner_text())


def wait_for_link(page, name):
    """Wait on the Watch page until there is this link, which a worker's success brings."""
    for _ in range(30):
        page.wait_for_timeout(1000)
        page.get_by_role("link", name="Refresh").click()
        page.get_by_role("heading", name=re.compile("on Bluesky")).first.wait_for()
        if page.locator("a", has_text=name).count():
            return
    raise AssertionError(page.locator("main").inner_text())


def pick_again(page, slug, name):
    """Choose one more person without sending: the draft is kept."""
    page.goto(f"/events/{slug}/manage?tab=invite")
    pick(page, name)


def sign_up(page, username):
    """Sign up as a member without Bluesky."""
    page.goto("/accounts/signup/")
    page.get_by_label("Username").fill(username)
    page.locator("[name=password1]").fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.wait_for_url(lambda url: "/accounts/signup" not in url)
