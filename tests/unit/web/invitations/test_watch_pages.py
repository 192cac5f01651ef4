"""The Watch page of a long list: pages that work without scripts, and a poll that carries what has changed."""

import re
import uuid
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.utils import timezone
from tests.pages import page_text

from elonara.atproto.tid import new_tid
from elonara.invitations import queries
from elonara.invitations.models import Announcement, Batch, Correction, Invitation
from elonara.invitations.responses.listing import PAGE_SIZE
from elonara.invitations.targets import Target


@pytest.fixture
def many(alice, friends):
    """Makes invitations to a target, all sent."""

    def make(target, number, **fields):
        kind = type(target).__name__.lower()
        batch = Batch.objects.create(host=alice, **{kind: target})
        return Invitation.objects.bulk_create(
            Invitation(
                batch=batch, host=alice, author_did="did:plc:host", invitee_did=f"did:plc:p{uuid.uuid4().hex[:12]}",
                invitee_handle=f"p{each}.test", rkey=new_tid(), ref=uuid.uuid4().hex[:20],
                queued_at=timezone.now(), next_attempt_at=timezone.now(),
                **({kind: target, "record": {"text": "Come!"}, "state": "sent", "sent_at": timezone.now()} | fields),
            )
            for each in range(number)
        )  # fmt: skip

    return make


@pytest.fixture
def watch(signed_in, alice):
    client = signed_in(alice)

    def go(target, query=""):
        folder = "events" if type(target).__name__ == "Event" else "communities"
        return client.get(f"/{folder}/{target.slug}/manage?tab=invite&step=watch{query}")

    go.client = client
    return go


def rows_in(response):
    return re.findall(r'<li id="person-([0-9a-f-]+)"', response.content.decode())


def poll_of(response):
    """The address that an open page asks every three seconds, "" where nothing is on its way."""
    found = re.search(r'hx-get="([^"]+)"', response.content.decode())
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize("kind", ["picnic", "circle"])
def test_every_row_stands_on_one_page_and_links_lead_there(watch, many, request, kind):
    target = request.getfixturevalue(kind)
    made = many(target, 2 * PAGE_SIZE + 3)
    response, found = watch(target), []
    while True:
        rows = rows_in(response)
        assert 0 < len(rows) <= PAGE_SIZE
        found += rows
        following = re.search(r'href="([^"]+)" rel="next"', response.content.decode())
        if following is None:
            break
        response = watch.client.get(following[1].replace("&amp;", "&"))
    assert found == [str(row.pk) for row in made]
    assert 'rel="prev"' in response.content.decode()
    assert f"{len(made)} of {len(made)} invitations are on Bluesky" in page_text(response)


def test_what_needs_the_host_comes_first_wherever_it_was(watch, many, picnic):
    made = many(picnic, PAGE_SIZE + 10)
    Invitation.objects.filter(pk__in=[row.pk for row in made[-3:]]).update(state="failed", reason="record_refused")
    Invitation.objects.filter(pk=made[30].pk).update(state="waiting", reason="app_password_missing")
    first = rows_in(watch(picnic))
    assert first[:5] == [str(made[place].pk) for place in (30, -3, -2, -1, 0)]
    second = rows_in(watch(picnic, "&page=2"))
    assert not set(first) & set(second)
    assert len(first) + len(second) == len(made)


def test_needs_you_is_the_same_in_rows_and_in_the_database(many, picnic, alice):
    from elonara.invitations import reasons
    from elonara.invitations.models import State

    for state in State.values:
        for reason in ("", *list(reasons.REASONS)[::7], "app_password_missing", "needs_reauth", "revoked", "unheard"):
            many(picnic, 1, state=state, reason=reason, needs_confirmation=False)
    many(picnic, 2, state="queued", needs_confirmation=True)
    pages = queries.progress(picnic, alice).pages
    rows = [row for number in range(1, pages + 1) for row in queries.progress(picnic, alice, number).rows]
    counts = queries.progress(picnic, alice).counts
    assert counts["needs_you"] == sum(row.needs_host for row in rows) > 3
    assert [row.needs_host for row in rows] == sorted((row.needs_host for row in rows), reverse=True)
    assert counts["total"] == len({row.id for row in rows}) == Invitation.objects.count()
    for name in State.values:
        assert counts[name] == sum(row.state == name for row in rows)


@pytest.mark.parametrize("kind", ["picnic", "circle"])
@pytest.mark.parametrize("private", [False, True])
def test_outdated_is_the_same_in_rows_and_in_the_database(many, alice, request, kind, private):
    """By the facts that each post tells; by its card where an earlier release wrote it."""
    target = request.getfixturevalue(kind)
    of = Target(target)
    now, card = of.facts, {"title": of.title, "description": of.card().description}
    for facts in (now, now | {"title": "Another"}, now | {"link": "https://old.example"}, {"title": of.title}, {}):
        many(target, 2, facts=facts)
        many(target, 1, facts=facts, state="undone")
    many(target, 3, facts={"private": of.kind})
    earlier = (
        card, card | {"title": "Another"}, card | {"description": "Never · nowhere"},
        {"title": of.title, "description": ""}, {"title": f"A private {of.kind}", "description": "Open the link"},
    )  # fmt: skip
    for external in earlier:
        many(
            target, 2, facts=None, record={"text": "Come!", "embed": {"external": {"uri": "https://x.test"} | external}}
        )
    many(target, 1, facts=None, record={"text": "Come!"})
    if private:
        target.visibility = "private"
        target.save()
    progress = queries.progress(target, alice)
    assert progress.pages == 1
    assert progress.counts["outdated"] == sum(row.outdated for row in progress.rows) >= 6
    assert queries.listed(target, alice).counts == progress.counts


@pytest.mark.parametrize("model", [Announcement, Correction])
def test_a_poll_notices_a_change_of_what_stands_beside_the_rows(watch, many, picnic, alice, model):
    (row,) = many(picnic, 1, state="queued", sent_at=None)
    made = model.objects.create(
        event=picnic, host=alice, author_did="did:plc:host", rkey=new_tid(), record={"text": "What is new"},
        state="queued", queued_at=timezone.now(), next_attempt_at=timezone.now(),
    )  # fmt: skip
    shown = watch(picnic)
    assert str(made.pk) in shown.content.decode()
    assert watch.client.get(poll_of(shown)).status_code == 204
    model.objects.filter(pk=made.pk).update(state="sent", sent_at=timezone.now(), uri="at://x")
    part = watch.client.get(poll_of(shown))
    assert part["HX-Retarget"] == "#progress"
    assert str(made.pk) in part.content.decode()
    assert watch.client.get(poll_of(part)).status_code == 204
    Invitation.objects.filter(pk=row.pk).update(state="sent", sent_at=timezone.now())
    model.objects.filter(pk=made.pk).update(state="undoing")
    part = watch.client.get(poll_of(part))
    assert poll_of(part), "an undo goes on by itself, so the page goes on asking"


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("page", ["0", "-1", "99999", "9" * 30, "x", "²", "1.5", ""])
def test_a_page_that_does_not_exist_shows_one_that_does(watch, many, picnic, page):
    many(picnic, PAGE_SIZE + 1)
    assert rows_in(watch(picnic, f"&page={page}"))


def test_a_link_to_a_row_leads_to_its_page(watch, many, picnic):
    made = many(picnic, PAGE_SIZE + 5)
    response = watch(picnic, f"&look={made[-1].pk}")
    assert f'id="row-{made[-1].pk}" open' in page_text(response)
    for wrong in ("x", uuid.uuid4(), "%00"):
        assert watch(picnic, f"&look={wrong}").status_code == 200


def test_a_button_leads_back_to_the_page_of_its_row(watch, many, picnic):
    made = many(picnic, PAGE_SIZE + 5)
    response = watch.client.post(f"/invitations/{made[-1].pk}/undo")
    assert urlsplit(response["location"]).query.endswith("step=watch&page=2")
    assert f'id="row-{made[-1].pk}"' in page_text(watch.client.get(response["location"]))


def test_a_poll_where_nothing_changed_has_no_body(watch, many, picnic):
    many(picnic, PAGE_SIZE + 5, state="queued", sent_at=None)
    for page in ("&page=1", "&page=2"):
        response = watch.client.get(poll_of(watch(picnic, page)))
        assert (response.status_code, response.content) == (204, b"")


def test_a_poll_carries_counts_and_changed_rows_alone(watch, many, picnic):
    made = many(picnic, 40, state="queued", sent_at=None)
    whole = watch(picnic)
    Invitation.objects.filter(pk=made[7].pk).update(state="sent", sent_at=timezone.now())
    response = watch.client.get(poll_of(whole))
    assert rows_in(response) == [str(made[7].pk)]
    page = page_text(response)
    assert "1 of 40 invitations are on Bluesky" in page
    assert page.count('hx-swap-oob="true"') == 1
    assert 'id="totals"' in page
    assert 'id="progress"' not in page
    assert len(response.content) < len(whole.content) / 4
    # The answer holds the next question.
    assert watch.client.get(poll_of(response)).status_code == 204


def test_a_change_on_another_page_changes_the_counts_alone(watch, many, picnic):
    made = many(picnic, PAGE_SIZE + 5, state="queued", sent_at=None)
    Invitation.objects.filter(pk=made[0].pk).update(answer="going", answered_at=timezone.now())
    address = poll_of(watch(picnic, "&page=2"))
    Invitation.objects.filter(pk=made[1].pk).update(answer="going", answered_at=timezone.now())
    response = watch.client.get(address)
    assert rows_in(response) == []
    assert "2 answered" in page_text(response)


@pytest.mark.parametrize("change", ["row", "text", "section"])
def test_where_the_order_or_a_form_changes_the_whole_part_comes(watch, many, picnic, change):
    made = many(picnic, 5, state="queued", sent_at=None)
    if change == "text":
        Invitation.objects.filter(pk=made[0].pk).update(needs_confirmation=True)
    address = poll_of(watch(picnic))
    if change == "row":
        many(picnic, 1)
    elif change == "text":  # that "Confirm it" would publish
        type(picnic).objects.update(timezone="Asia/Tokyo")
    else:
        Invitation.objects.filter(pk=made[2].pk).update(state="failed", reason="record_refused")
    response = watch.client.get(address)
    assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#progress", "outerHTML")
    assert len(rows_in(response)) == Invitation.objects.count()
    assert 'id="progress"' in page_text(response)


@pytest.mark.every_value_on_postgres
@pytest.mark.parametrize("seen", ["", "x", "..", "a.b.c.d", "00" * 300, "%00", "é.é"])
def test_what_a_page_says_it_shows_is_not_trusted(watch, many, picnic, seen):
    many(picnic, 3)
    response = watch(picnic, f"&part=1&seen={seen}")
    assert response.status_code == 200
    assert len(rows_in(response)) == 3


def test_when_all_is_done_the_poll_ends(watch, many, picnic):
    many(picnic, 3, state="queued", sent_at=None)
    address = poll_of(watch(picnic))
    Invitation.objects.update(state="sent", sent_at=timezone.now())
    response = watch.client.get(address)
    assert len(rows_in(response)) == 3
    assert poll_of(response) == ""


def test_confirm_all_confirms_those_of_the_page_alone(watch, many, picnic):
    many(picnic, PAGE_SIZE + 5, state="queued", sent_at=None, needs_confirmation=True)
    page = watch(picnic, "&page=2")
    shown = re.findall(r'name="shown" value="([^"]+ [^"]+)"', page.content.decode())
    assert len(shown) == 5
    address = f"/events/{picnic.slug}/manage?tab=invite&step=watch&page=2"
    watch.client.post(address, {"go": "confirm_all", "shown": shown})
    assert Invitation.objects.filter(needs_confirmation=True).count() == PAGE_SIZE


def test_strangers_learn_nothing_by_the_poll(watch, many, picnic, make_member, client):
    many(picnic, 1, state="queued", sent_at=None)
    address = poll_of(watch(picnic))
    watch.client.logout()
    assert client.get(address).status_code in {302, 403}


def test_rows_made_in_one_moment_have_an_order(watch, many, picnic):
    many(picnic, PAGE_SIZE + 20)
    Invitation.objects.update(created_at=timezone.now() - timedelta(days=1))
    first, second = rows_in(watch(picnic)), rows_in(watch(picnic, "&page=2"))
    assert len(set(first) | set(second)) == PAGE_SIZE + 20
