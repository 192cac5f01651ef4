"""A program that creates more than the limit of a day is told so, with a status that the description has."""

import pytest

from elonara.communities.models import Community
from elonara.events.models import Event
from elonara.members.daily_limits import COMMUNITIES_A_DAY, EVENTS_A_DAY

EVENT = {"title": "Tea", "timezone": "UTC"}


@pytest.mark.parametrize("what", ["events", "communities"])
def test_more_than_the_limit_of_a_day_are_refused(program, alice, soon, what):
    body = EVENT | {"starts_at": soon.isoformat()} if what == "events" else {"name": "Bakers"}
    if what == "events":
        rows = [Event(slug=f"e{n}", title="Tea", starts_at=soon, created_by=alice) for n in range(EVENTS_A_DAY)]
        Event.objects.bulk_create(rows)
    else:
        rows = [Community(slug=f"c{n}", name="Bakers", created_by=alice) for n in range(COMMUNITIES_A_DAY)]
        Community.objects.bulk_create(rows)
    refused = program.post(f"/{what}", body)
    assert refused.status_code == 403
    assert refused.json()["code"] == "too_many"
    assert "within a day" in refused.json()["detail"]
    type(rows[0]).objects.filter(pk=rows[0].pk).delete()
    assert program.post(f"/{what}", body).status_code == 201
