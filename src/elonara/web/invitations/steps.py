"""What the steps of Manage → Invite share: the type of a target, and the redirect from one step to another."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect

from elonara.communities.models import Community
from elonara.events.models import Event

type To = Event | Community


def redirect_to_step(frame: dict[str, Any], anchor: str = "", **query: str) -> HttpResponse:
    """Redirect to the Invite tab with these query parameters; empty ones are left out. Without `step`: Pick."""
    given = {name: value for name, value in query.items() if value}
    place = f"#{anchor}" if anchor else ""
    return redirect(f"{frame['base']}?{urlencode({'tab': 'invite', **given})}{place}")
