"""Helpers for views: the signed-in member, safe redirects, messages, and an action's errors in forms."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from elonara.events.guests.guest_list import SHOWN_TO_GUESTS
from elonara.events.models import Event, Rsvp
from elonara.members.models import Member
from elonara.options import Options
from elonara.web.parts import places

GUESTS_ON_A_PAGE = 25  # of an event's page and of an e-mail invitation's
MAX_NEXT = 500  # characters of an address to come back to, as authorization requests store it
View = TypeVar("View", bound=Callable[..., HttpResponse])


def options() -> Options:
    """The site's options. Read from the settings at each call, because tests override them."""
    return settings.ELONARA


def member_of(request: HttpRequest) -> Member | None:
    """The signed-in member, or None."""
    return request.user if request.user.is_authenticated else None


def the_member(request: HttpRequest) -> Member:
    """The signed-in member of a view behind `members_only`."""
    return cast(Member, request.user)


def members_only[View: Callable[..., HttpResponse]](view: View) -> View:
    """Redirects visitors to the sign-in page, which returns them here afterwards."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            back = request.get_full_path() if request.method == "GET" else request.headers.get("referer", "/")
            return redirect(f"/accounts/login/?{urlencode({'next': safe_next(request, back)})}")
        return view(request, *args, **kwargs)

    return cast(View, guarded)


def came_from_here(request: HttpRequest) -> bool:
    """Whether a page of this site, or the visitor's own typing, led here; another site's link or script did not.

    By `Sec-Fetch-Site`, which scripts cannot set; by `Origin` and `Referer` in browsers and proxies without it.
    """
    if site := request.headers.get("sec-fetch-site"):
        return site in {"same-origin", "none"}
    for name in ("origin", "referer"):
        if given := request.headers.get(name):
            return urlsplit(given).netloc == request.get_host()
    return True


def safe_next(request: HttpRequest, wanted: str | None, fallback: str = "/") -> str:
    """`wanted` as a path of this site, else `fallback`. Prevents open redirects (CWE-601)."""
    wanted = (wanted or "").strip()
    same = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    # Browsers remove tabs and line breaks from a URL before they parse it, so that `/\t/host` becomes `//host`.
    if not wanted or not same or not wanted.isprintable():
        return fallback
    if "://" in wanted:
        wanted = "/" + wanted.split("://", 1)[1].partition("/")[2]
    # After the first slash, browsers take a second slash or a backslash as the start of a host.
    if not wanted.startswith("/") or wanted.startswith(("//", "/\\")) or len(wanted) > MAX_NEXT:
        return fallback
    return wanted


def page_of(request: HttpRequest) -> int:
    """The number in `?page=`; 1 where there is none, or no number."""
    wanted = request.GET.get("page", "")
    return int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 7 else 1


@dataclass(frozen=True)
class Paged[Row]:
    """The rows of one page of a list, with what `parts/pages.html` needs."""

    rows: list[Row]
    page: int
    pages: int
    count: int


def paged[Row: Model](request: HttpRequest, rows: QuerySet[Row], size: int = 24) -> Paged[Row]:
    """The page of a list that `?page=` names, the last one where it is beyond it. Two queries."""
    count = rows.order_by().count()
    pages = max(1, -(-count // size))
    page = max(1, min(page_of(request), pages))
    return Paged(list(rows[(page - 1) * size : page * size]), page, pages, count)


def show_message(request: HttpRequest, sentence: str, kind: str = "ok") -> None:
    """Queue a message for the next page. `kind` is `ok`, `info`, `warn` or `bad`."""
    level = {"ok": messages.SUCCESS, "info": messages.INFO, "warn": messages.WARNING, "bad": messages.ERROR}[kind]
    messages.add_message(request, level, sentence)


def show_answered(request: HttpRequest, event: Event, row: Rsvp, seen: str) -> None:
    """Say what became of an answer, and whether the page with the buttons (`seen`) was older than the event."""
    said = places.answered_words(event, row)
    note = ""
    if row.note_is_new:
        note = _("Your note is saved. The hosts can read it, and nobody else.")
    elif row.note:
        note = _("Your note to the hosts stays.")
    show_message(request, " ".join(words for words in (said, _brings(row), note) if words))
    if changed := places.changed_words(event, seen):
        show_message(request, changed, "warn")


def _brings(row: Rsvp) -> str:
    if not row.plus_ones or row.choice not in SHOWN_TO_GUESTS:
        return ""
    sentence = ngettext("You bring {count} person.", "You bring {count} people.", row.plus_ones)
    return sentence.format(count=row.plus_ones)


def shown_tabs(tabs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Tabs (key, label) as a page shows them: their labels in the language of this request."""
    return [(key, _(label)) for key, label in tabs]


def add_form_errors(form: BaseForm, faults: dict[str, str]) -> None:
    """Add an action's errors (field → sentence) to the form; those of unknown fields become non-field errors."""
    for name, sentence in faults.items():
        form.add_error(name if name in form.fields else None, sentence)
