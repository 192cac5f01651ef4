"""A program that creates more than the limit of a day is told so, with a status that the description has."""

import pytest

from elonara.members.daily_limits import MOST
from elonara.members.models import Creation

EVENT = {"title": "Tea", "timezone": "UTC"}


@pytest.mark.parametrize("kind", Creation.Kind)
def test_more_than_the_limit_of_a_day_are_refused(program, alice, soon, kind):
    address, body = ("/communities", {"name": "Bakers"})
    if kind == Creation.Kind.EVENT:
        address, body = "/events", EVENT | {"starts_at": soon.isoformat()}
    Creation.objects.bulk_create(Creation(member=alice, kind=kind) for _ in range(MOST[kind]))
    refused = program.post(address, body)
    assert refused.status_code == 403
    assert refused.json()["code"] == "too_many"
    assert "within 24 hours" in refused.json()["detail"]
    Creation.objects.filter(pk=Creation.objects.first().pk).delete()
    assert program.post(address, body).status_code == 201
