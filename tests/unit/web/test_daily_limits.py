"""Who has created as much as a day allows is told before she fills in a form, and loses nothing of one."""

from datetime import timedelta

import pytest
from django.utils import timezone
from tests.pages import page_text

from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.members.daily_limits import MOST
from elonara.members.models import Creation

EVENT = {
    "title": "Tea in the garden",
    "starts_at": f"{timezone.now() + timedelta(days=9):%Y-%m-%dT%H:%M}",
    "timezone": "UTC",
    "visibility": "public",
}
FORMS = [
    ("/events/create", EVENT, Creation.Kind.EVENT),
    ("/events/{slug}/again", EVENT, Creation.Kind.EVENT),
    ("/communities/create", {"name": "Tea in the garden", "visibility": "public"}, Creation.Kind.COMMUNITY),
]


@pytest.mark.parametrize(("address", "body", "kind"), FORMS)
def test_at_the_limit(signed_in, alice, picnic, address, body, kind):
    client, address = signed_in(alice), address.format(slug=picnic.slug)
    assert client.get(address).status_code == 200
    Creation.objects.all().delete()
    Creation.objects.bulk_create(Creation(member=alice, kind=kind) for _ in range(MOST[kind]))
    asked = client.get(address)
    assert asked.status_code == 403
    assert "within 24 hours. Try again later." in page_text(asked)
    # The limit was reached after the form was shown.
    before = Event.objects.count() + Community.objects.count()
    pressed = client.post(address, body)
    assert pressed.status_code == 200
    assert "within 24 hours. Try again later." in page_text(pressed)
    assert 'value="Tea in the garden"' in pressed.content.decode()
    assert Event.objects.count() + Community.objects.count() == before
    Creation.objects.filter(pk=Creation.objects.first().pk).delete()
    assert client.post(address, body).status_code == 302
