"""The host's page of e-mail invitations, and the invitee's pages behind the link."""

import re

import pytest
from django.core import mail
from django.core.cache import cache
from tests.pages import page_text, shown

from elonara import jobs
from elonara.covers.choice import cover_of
from elonara.events import actions as events
from elonara.events.guests import rsvps
from elonara.events.models import Rsvp
from elonara.invitations.models import EmailInvitation
from elonara.invitations.opt_out_models import EmailOptOut


@pytest.fixture(autouse=True)
def mail_server(settings, site):
    import dataclasses

    cache.clear()
    options = settings.ELONARA
    settings.ELONARA = dataclasses.replace(
        options,
        site=dataclasses.replace(options.site, url="https://events.example"),
        email=dataclasses.replace(options.email, url="smtp://mail.example"),
    )
    settings.ALLOWED_HOSTS = ["*"]
    backend = "django.core.mail.backends.locmem.EmailBackend"
    settings.MAILERS = {"default": {"BACKEND": backend}, "smtp": {"BACKEND": backend}}


@pytest.fixture
def page(picnic):
    return f"/events/{picnic.slug}/manage?tab=invite&step=email"


@pytest.fixture
def link(alice):
    """Sends an e-mail invitation and returns the link in it."""
    from elonara.invitations.email import inviting as email_inviting

    def go(event, to="Ana Lima <ana@example.org>"):
        mail.outbox.clear()
        email_inviting.invite(alice, event, to, "Bring bread.")
        jobs.drain()
        return re.search(r"https://events\.example(/rsvp/\S+)", mail.outbox[-1].body)[1]

    return go


def words(response):
    return page_text(response)


def test_the_page_of_a_private_event_shows_its_cover(client, friends, supper, link):
    assert f"/static/{cover_of(supper.title).file}" in client.get(link(supper)).content.decode()


def test_the_reader_of_an_e_mail_finds_herself_among_the_guests(client, picnic, link, make_member):
    rsvps.respond(picnic, choice="going", member=make_member("carol"))
    address = link(picnic)
    client.post(address, {"answer": "going", "name": "Ana"})
    page = words(client.get(address))
    assert "<bdi>Ana</bdi>(you),<bdi>carol</bdi>" in page
    assert page.count("(you)") == 2


def test_the_host_writes_checks_and_sends(signed_in, alice, friends, page):
    client = signed_in(alice)
    assert "By e-mail" in words(client.get(page)) or "Invite by e-mail" in words(client.get(page))
    check = client.post(page, {"addresses": "Ana <ana@example.org>, nobody", "note": "Bring bread."})
    checked = words(check)
    assert "Alice Moreira invites you: Winter picnic" in checked
    assert "This is not an e-mail address." in checked
    assert "Send 1 e-mail" in checked
    assert not EmailInvitation.objects.exists()
    typed = {"addresses": "Ana <ana@example.org>", "note": "Bring bread.", "go": "send"}
    sent = client.post(page, typed | shown(check), follow=True)
    assert "1 e-mail is on the way." in words(sent)
    assert "ana@example.org" in words(sent)
    jobs.drain()
    assert len(mail.outbox) == 1


def test_who_invites_by_email_alone_is_not_told_that_nobody_is_invited(signed_in, alice, friends, picnic, link):
    client, watch = signed_in(alice), f"/events/{picnic.slug}/manage?tab=invite&step=watch"
    assert "Nobody is invited yet" in words(client.get(watch))
    link(picnic)
    page = client.get(watch)
    assert "Nobody is invited yet" not in words(page)
    assert "See the invitations by e-mail" in words(page)


def test_a_refusal_keeps_what_was_typed(signed_in, alice, friends, page):
    response = signed_in(alice).post(page, {"addresses": "ana@example.org", "note": "x" * 501, "go": "send"})
    assert response.status_code == 400
    assert "500 fit" in words(response)
    assert "ana@example.org" in words(response)


def test_without_a_mail_server_the_page_says_so_and_offers_the_link(signed_in, alice, friends, page, settings):
    import dataclasses

    client = signed_in(alice)
    typed = {"addresses": "ana@example.org"}
    client.post(page, typed | {"go": "send"} | shown(client.post(page, typed)))
    settings.ELONARA = dataclasses.replace(settings.ELONARA, email=dataclasses.replace(settings.ELONARA.email, url=""))
    text = words(client.get(page))
    assert "ana@example.org" in text
    assert "This site sends no e-mail." in text
    assert "Link that you can pass on" in text
    assert "<textarea" not in text


def test_only_hosts_can_cancel_a_queued_email_invitation(signed_in, alice, friends, page, make_member):
    client = signed_in(alice)
    typed = {"addresses": "ana@example.org"}
    client.post(page, typed | {"go": "send"} | shown(client.post(page, typed)))
    row = EmailInvitation.objects.get()
    client.force_login(make_member("mallory"), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(f"/letters/{row.pk}/cancel").status_code == 404
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    client.post(f"/letters/{row.pk}/cancel")
    assert EmailInvitation.objects.get().state == "cancelled"


def test_an_invitee_answers_without_an_account(client, link, picnic):
    here = link(picnic)
    shown = client.get(here)
    assert "Winter picnic" in words(shown)
    assert "Bring bread." in words(shown)
    assert not Rsvp.objects.exists(), "looking changes nothing"
    back = client.post(here, {"answer": "going", "name": "Ana L.", "plus_ones": "1", "note": "Soup"}, follow=True)
    assert "You are going." in words(back)
    given = Rsvp.objects.get()
    assert (given.choice, given.name, given.plus_ones, given.note) == ("going", "Ana L.", 1, "Soup")


@pytest.mark.promise("letter-link-private")
def test_the_token_in_the_url_is_not_passed_on(client, link, picnic):
    here = link(picnic)
    for path in (here, f"{here}/stop", f"{here}?stop=site"):
        shown = client.get(path)
        assert shown["Referrer-Policy"] == "no-referrer"
        assert "noindex" in shown["X-Robots-Tag"]
        assert "no-store" in shown["Cache-Control"]
        assert here.removeprefix("/rsvp/") not in words(shown)
        assert 'name="referrer" content="no-referrer"' in words(shown)
    assert here not in page_text(client.get(f"{here}?calendar=1"))


def test_invalid_answers_keep_what_was_typed(client, link, picnic):
    response = client.post(link(picnic), {"answer": "going", "plus_ones": "9", "note": "Soup"})
    assert response.status_code == 400
    assert "up to 2 people" in words(response)
    assert ">Soup</textarea>" in words(response)


def test_a_private_event_is_shown_by_the_link_only(client, link, supper):
    here = link(supper)
    assert "Secret supper" in words(client.get(here))
    assert "BEGIN:VCALENDAR" in words(client.get(f"{here}?calendar=1"))
    assert client.get(f"/events/{supper.slug}").status_code == 404


def test_unknown_and_truncated_links_say_what_to_do(client):
    response = client.get("/rsvp/AAAAAAAAAAAAAAAAAAAAAAAA")
    assert response.status_code == 404
    assert "copy the whole link" in words(response)
    assert client.post("/rsvp/AAAA/stop").status_code == 404


def test_a_cancelled_event_ends_the_link_and_a_private_one_says_no_more(client, link, supper, alice):
    here = link(supper)
    events.cancel(supper, alice)
    shown = client.get(here)
    assert shown.status_code == 410
    assert "This event was cancelled." in words(shown)
    assert "Secret supper" not in words(shown)
    assert client.post(here, {"answer": "going"}).status_code == 410
    assert not Rsvp.objects.exists()


def test_one_click_unsubscribe_stops_email_invitations(picnic, link):
    from django.test import Client

    here = link(picnic)
    program = Client(enforce_csrf_checks=True, headers={"origin": "null"})
    assert program.post(f"{here}/stop", {"List-Unsubscribe": "One-Click"}).status_code == 200
    assert EmailOptOut.objects.get().host == picnic.created_by


def test_a_post_with_origin_null_is_accepted(picnic, link):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True, headers={"origin": "null"})
    assert browser.post(link(picnic), {"answer": "going"}).status_code == 302
    assert Rsvp.objects.get().choice == "going"


def test_opting_out_takes_two_clicks_and_offers_the_whole_site(client, link, picnic):
    here = link(picnic)
    assert "Stop invitations" in words(client.get(f"{here}?stop=site"))
    assert not EmailOptOut.objects.exists()
    assert "You get no more e-mail invitations" in words(client.post(f"{here}?stop=site", {"who": "site"}))
    assert EmailOptOut.objects.get().host is None


@pytest.mark.promise("letter-link-private")
def test_logs_do_not_contain_the_token():
    from elonara.config.logs import redact

    assert "s3cr3t" not in redact("Not Found: /rsvp/s3cr3tTOKEN")
    assert "s3cr3t" not in redact("/rsvp/s3cr3tTOKEN/stop")


def test_a_host_without_a_proof_reads_what_to_do(signed_in, make_member, picnic):
    mallory = make_member("mallory")
    picnic.hosts.create(member=mallory, role="host")
    page = signed_in(mallory).get(f"/events/{picnic.slug}/manage?tab=invite&step=email")
    assert "needs to know that you are you" in page.content.decode()


def test_who_comes_reads_who_else_does_by_the_link_as_members_do(client, link, picnic, alice, make_member):
    rsvps.respond(picnic, choice="going", member=make_member("zebedee"))
    here = link(picnic)
    assert "zebedee" not in words(client.get(here))
    client.post(here, {"answer": "cant"})
    assert "zebedee" not in words(client.get(here))
    client.post(here, {"answer": "maybe", "name": "Ana L."})
    assert "zebedee" in words(client.get(here))
    events.change(picnic, by=alice, approval=True)
    assert "zebedee" not in words(client.get(here)), "where hosts accept each guest, Maybe shows no names"
    events.change(picnic, by=alice, approval=False, guest_list_hidden=True)
    assert "zebedee" not in words(client.get(here))


def test_who_answers_on_a_page_from_before_a_change_hears_of_it(client, link, picnic, alice):
    address = link(picnic)
    seen = re.search(r'name="seen" value="(\w+)"', client.get(address).content.decode())[1]
    events.change(picnic, by=alice, location="The old pier")
    client.post(address, {"answer": "going", "seen": seen})
    assert "The time or the place changed while you had the page open" in page_text(client.get(address))
