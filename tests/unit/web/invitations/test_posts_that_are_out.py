"""Pages about posts that are on Bluesky already: what is old in them, the update, taking them back, what stays."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from tests.fakes.agent import FakeAgent
from tests.pages import page_text, shown
from tests.unit.web.conftest import sign_in

from elonara import jobs
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing import factory
from elonara.bluesky.writing.agent import Readiness
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.invitations import actions
from elonara.invitations.models import Announcement, Correction, Invitation, State
from elonara.invitations.opt_out_models import Report
from elonara.members.models import Member

DIDS = ["did:plc:carol", "did:plc:dan"]


@pytest.fixture
def out(alice, friends, picnic):
    actions.invite(alice, picnic, DIDS)
    jobs.drain()
    return picnic


@pytest.fixture
def circle_out(alice, friends, circle):
    actions.invite(alice, circle, DIDS)
    jobs.drain()
    return circle


@pytest.fixture
def browser(signed_in, alice):
    return signed_in(alice)


def manage(target, step=""):
    folder = "events" if hasattr(target, "starts_at") else "communities"
    return f"/{folder}/{target.slug}/manage" + (f"?tab=invite&step={step}" if step else "")


def move(out, alice, hours=1):
    out.refresh_from_db()
    events.change(out, by=alice, starts_at=out.starts_at + timedelta(hours=hours))


def states():
    return set(Invitation.objects.values_list("state", flat=True))


class TestTheNotice:
    @pytest.mark.parametrize("step", ["", "watch"])
    def test_shows_the_post_and_one_button_publishes_it(self, step, out, alice, browser):
        assert "post the new one" not in page_text(browser.get(manage(out, step))).lower()
        move(out, alice)
        page = browser.get(manage(out, step))
        text = page_text(page)
        assert "3 posts on Bluesky still show the old time" in text
        assert "Update: Winter picnic" in text
        assert text.count("Post the update") == 1
        response = browser.post(manage(out, "watch"), {"go": "update"} | shown(page), follow=True)
        assert "The update is on its way." in page_text(response)
        assert f'href="{manage(out, "watch").replace("&", "&amp;")}#upd"' in response.content.decode()
        jobs.drain()
        text = page_text(browser.get(manage(out, "watch")))
        assert "show the old" not in text
        assert text.count("shows old details") == 3, "of two invitations and the announcement"
        assert "See the update" in text
        assert Correction.objects.get().state == State.SENT

    def test_an_edit_says_so_at_once(self, out, browser):
        values = form_of(browser, f"/events/{out.slug}/edit") | {"title": "Summer picnic"}
        response = browser.post(f"/events/{out.slug}/edit", values, follow=True)
        assert "3 posts on Bluesky still show the old title" in page_text(response)

    def test_an_edit_behind_the_open_page_shows_the_newest_first(self, out, alice, browser):
        move(out, alice)
        page = browser.get(manage(out, "watch"))
        move(out, alice)
        response = browser.post(manage(out, "watch"), {"go": "update"} | shown(page), follow=True)
        assert "This has changed since you saw it." in page_text(response)
        assert not Correction.objects.exists()
        browser.post(manage(out, "watch"), {"go": "update"} | shown(response))
        assert Correction.objects.exists()

    @pytest.mark.parametrize("sent", [{}, {"shown": ""}, {"shown": "é"}])
    def test_the_button_without_its_fingerprint_does_nothing(self, sent, out, alice, browser):
        move(out, alice)
        response = browser.post(manage(out, "watch"), {"go": "update"} | sent, follow=True)
        assert "This has changed since you saw it." in page_text(response)
        assert not Correction.objects.exists()

    def test_where_the_host_cannot_post_yet_it_says_what_is_missing(self, out, alice, browser):
        move(out, alice)
        ready = Readiness(False, "did:plc:host", "alice.example", "host", "", "app_password_missing", "Not yet.")
        with factory.use(FakeAgent(ready=ready)):
            page = browser.get(manage(out))
            assert "Waits for an app password." in page_text(page)
            browser.post(manage(out, "watch"), {"go": "update"} | shown(page))
        assert Correction.objects.get().state == State.WAITING

    def test_where_nothing_can_be_posted_a_link_leads_to_what_is_missing(self, out, alice, browser):
        move(out, alice)
        MemberIdentity.objects.filter(member=alice).update(state="revoked", state_reason="not_connected")
        ready = Readiness(False, "did:plc:host", "alice.example", "host", "", "not_connected", "Not yet.")
        with factory.use(FakeAgent(ready=ready)):
            page = page_text(browser.get(manage(out, "watch")))
        assert "3 posts on Bluesky still show the old time" in page
        assert "Post the update" not in page
        assert re.search(r'href="/profile/edit\?next=[^"]+">Bluesky settings</a>', page)
        assert "Or take the posts back" in page

    def test_a_cohost_reads_who_can_post_it(self, out, alice, make_member):
        zoe = make_member("zoe", display_name="Zoe")
        events.add_cohost(out, by=alice, member=zoe)
        events.accept_cohost(out, by=zoe)
        move(out, alice)
        text = page_text(sign_in(Client(), zoe).get(manage(out)))
        assert "3 posts on Bluesky still show the old time" in text
        assert "They are from<bdi>Alice Moreira</bdi>" in text
        assert "Post the update" not in text

    def test_somebody_else_neither_reads_nor_presses(self, out, alice, make_member):
        move(out, alice)
        other = sign_in(Client(), make_member("mallory"))
        for step in ("", "watch", "take-back"):
            assert other.get(manage(out, step)).status_code == 403
            assert other.post(manage(out, step or "watch"), {"go": "update"}).status_code == 403
        assert states() == {State.SENT}
        assert not Correction.objects.exists()

    def test_an_update_is_taken_back_on_its_own(self, out, alice, browser, make_member):
        move(out, alice)
        row = actions.post_update(out, alice)
        jobs.drain()
        other = sign_in(Client(), make_member("mallory"))
        assert other.post(f"/updates/{row.pk}/undo").status_code == 404
        undo = page_text(browser.get(f"/updates/{row.pk}/undo"))
        assert "Undo the update?" in undo
        # The navigation names the event's section, though the address begins elsewhere.
        assert '<a href="/events" aria-current="true">' in undo
        browser.post(f"/updates/{row.pk}/undo")
        assert Correction.objects.get().state == State.UNDOING
        assert "3 posts on Bluesky still show the old time" in page_text(browser.get(manage(out)))

    def test_taking_them_back_asks_first(self, out, alice, browser):
        move(out, alice)
        page = page_text(browser.get(manage(out, "take-back")))
        assert "Take 3 posts back?" in page
        assert "The announcement and 2 invitations are deleted from Bluesky." in page
        assert states() == {State.SENT}
        # Cancel leads back to where she came from.
        assert f'href="/events/{out.slug}/manage?tab=invite&amp;step=watch">Cancel</a>' in page
        details = page_text(browser.get(f"/events/{out.slug}/manage?tab=details"))
        way = re.search(r'href="([^"]*step=take-back[^"]*)"', details)[1].replace("&amp;", "&")
        assert f'href="/events/{out.slug}/manage?tab=details">Cancel</a>' in page_text(browser.get(way))
        response = browser.post(manage(out, "take-back"), follow=True)
        assert "3 posts are being taken back." in page_text(response)
        assert states() == {State.UNDOING}
        assert "Nothing to take back" in page_text(browser.get(manage(out, "take-back")))

    def test_of_a_community(self, circle_out, alice, browser):
        communities.change(circle_out, by=alice, name="Rye Circle")
        page = browser.get(manage(circle_out))
        assert "3 posts on Bluesky still show the old name" in page_text(page)
        browser.post(manage(circle_out, "watch"), {"go": "update"} | shown(page))
        assert Correction.objects.get().community == circle_out


def form_of(browser, address):
    """What the page's form would send as it stands."""
    form = browser.get(address).context["form"]
    return {name: value for name in form.fields if (value := form[name].value()) not in (None, "", False)}


class TestMakingItPrivate:
    @pytest.mark.promise("private-says-what-stays")
    @pytest.mark.parametrize("kind", ["event", "community"])
    def test_says_before_what_stays_and_after_that_it_stayed(self, kind, request, browser):
        target = request.getfixturevalue("out" if kind == "event" else "circle_out")
        address = manage(target).replace("/manage", "/edit")
        assert "On Bluesky, with link and title: the announcement and 2 invitations." in page_text(browser.get(address))
        response = browser.post(address, form_of(browser, address) | {"visibility": "private"}, follow=True)
        text = page_text(response)
        assert "The changes are saved. 3 posts stay on Bluesky." in text
        assert "3 posts on Bluesky still name what is private now" in text
        assert states() == {State.SENT}
        assert "On Bluesky, with link" not in page_text(browser.get(address)), "it is private already"
        assert "3 posts are being taken back." in page_text(browser.post(manage(target, "take-back"), follow=True))

    @pytest.mark.parametrize("kind", ["event", "community"])
    def test_takes_them_back_in_the_same_step(self, kind, request, browser):
        target = request.getfixturevalue("out" if kind == "event" else "circle_out")
        address = manage(target).replace("/manage", "/edit")
        values = form_of(browser, address) | {"visibility": "private", "take_back": "on"}
        text = page_text(browser.post(address, values, follow=True))
        assert "3 posts are being taken back." in text
        assert "still name" not in text
        assert states() | set(Announcement.objects.values_list("state", flat=True)) == {State.UNDOING}

    def test_the_tick_alone_takes_nothing_back(self, out, browser):
        address = f"/events/{out.slug}/edit"
        browser.post(address, form_of(browser, address) | {"take_back": "on"})
        assert states() == {State.SENT}

    def test_a_cohost_is_not_offered_it_and_cannot_do_it(self, out, alice, make_member):
        zoe = make_member("zoe", display_name="Zoe")
        events.add_cohost(out, by=alice, member=zoe)
        events.accept_cohost(out, by=zoe)
        cohost, address = sign_in(Client(), zoe), f"/events/{out.slug}/edit"
        assert "take_back" not in cohost.get(address).content.decode()
        cohost.post(address, form_of(cohost, address) | {"visibility": "private", "take_back": "on"})
        out.refresh_from_db()
        assert out.visibility == "public"
        assert states() == {State.SENT}

    def test_nothing_is_said_where_nothing_is_out(self, picnic, supper, browser):
        for event in (picnic, supper):
            assert "On Bluesky" not in page_text(browser.get(f"/events/{event.slug}/edit"))


class TestEndingIt:
    @pytest.mark.parametrize("kind", ["event", "community"])
    @pytest.mark.parametrize("take", [True, False])
    def test_says_what_stays_and_takes_it_back_if_asked(self, kind, take, request, browser):
        target = request.getfixturevalue("out" if kind == "event" else "circle_out")
        address = manage(target).replace("/manage", "/cancel" if kind == "event" else "/close")
        assert "What stays on Bluesky, with link and title: the announcement and 2 invitations." in page_text(
            browser.get(address)
        )
        text = page_text(browser.post(address, {"take_back": "1"} if take else {}, follow=True))
        if take:
            assert "3 posts are being taken back." in text
            assert states() == {State.UNDOING}
        else:
            assert "3 posts stay on Bluesky." in text
            assert "3 posts about it on Bluesky" in page_text(browser.get(manage(target)))
            browser.post(manage(target, "take-back"))
            assert states() == {State.UNDOING}

    def test_without_posts_the_page_asks_nothing(self, picnic, circle, browser):
        for address in (f"/events/{picnic.slug}/cancel", f"/communities/{circle.slug}/close"):
            assert "Bluesky" not in page_text(browser.get(address)).partition("<main")[2].partition("</main")[0]


class TestHiding:
    @pytest.fixture
    def operator(self, make_member):
        return sign_in(Client(), make_member("olga", is_staff=True, is_superuser=True))

    def test_the_operator_reads_what_stays_and_takes_nothing_back(self, out, operator):
        Report.objects.create(invitation=Invitation.objects.first(), text="Spam")
        page = page_text(operator.get(f"/admin/elonara/report/{Report.objects.get().pk}/change/"))
        assert (
            "What stays on Bluesky, with link and title, until a host takes it back: the announcement and 2 inv" in page
        )
        assert "3" in page_text(operator.get("/admin/elonara/event/")).partition('class="field-on_bluesky">')[2][:2]
        operator.post(manage(out, "take-back"))
        assert states() == {State.SENT}

    def test_her_list_says_it_too(self, out, circle_out, operator):
        for name, row in (("event", out), ("community", circle_out)):
            response = operator.post(
                f"/admin/elonara/{name}/", {"action": "hide", "_selected_action": [row.pk]}, follow=True
            )
            assert "what stays on Bluesky is the announcement and 2 invitations" in page_text(response)

    def test_the_host_takes_them_back_from_the_hidden_event(self, out, browser, alice):
        operator = Member.objects.create_superuser("olga")
        events.hide(out, operator)
        assert "3 posts about it on Bluesky" in page_text(browser.get(manage(out)))
        assert "3 posts are being taken back." in page_text(browser.post(manage(out, "take-back"), follow=True))
