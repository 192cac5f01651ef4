"""Pages promise only what is so, and say what cannot be done before somebody fills in a form."""

import pytest
from tests.pages import page_text

from elonara.events import actions
from elonara.members.models import Member


@pytest.mark.parametrize("path", ["/events/create", "/communities/create"])
def test_a_pending_member_is_told_before_she_fills_in_a_form(signed_in, alice, path):
    assert "<form" in page_text(signed_in(alice).get(path)).split("<main")[1].split("</main>")[0]

    Member.objects.update(standing=Member.Standing.PENDING)
    response = signed_in(alice).get(path)
    main = page_text(response).split("<main")[1].split("</main>")[0]

    assert response.status_code == 403
    assert "Your account is waiting for approval" in main
    assert "<form" not in main


def test_a_cancelled_event_promises_nothing_about_calendars(signed_in, alice, picnic):
    actions.cancel(picnic, alice)

    page = page_text(signed_in(alice).get(f"/events/{picnic.slug}"))

    assert "This event is cancelled" in page
    assert "Add to calendar" not in page
    assert "their calendars" not in page
