"""Looks at what servers look at before they accept this site as an OAuth client: its clock and its metadata.

`elonara doctor` looks when the operator asks, and a process that was refused looks by itself and notifies her. Only
the services in the site's own settings are asked for the time: any visitor can choose a server with a clock of its own.
"""

from __future__ import annotations

import logging
import socket
import statistics
from collections.abc import Collection
from typing import Any, Final
from urllib.parse import quote

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.atproto.errors import AtprotoError
from elonara.atproto.http import Response
from elonara.atproto.oauth.clocks import ahead_of, server_clocks
from elonara.bluesky import network
from elonara.bluesky.oauth import client
from elonara.members.models import Notice
from elonara.members.notices import notify_operators, settle_operators
from elonara.options import Bluesky

DEADLINE_SECONDS: Final = 10.0
# Some servers accept nothing from their future, and a `Date` header is exact to one second.
OFF_SECONDS: Final = 8.0
SYNC: Final = gettext_noop("Set this machine's clock right: timedatectl set-ntp true (systemd), or any NTP client.")
CLOCK_OFF: Final = gettext_noop(
    "Signatures are dated by the servers' clocks where that is possible, but servers may refuse sign-ins and posts, "
    "and waiting times are wrong."
)
METADATA_AWAY: Final = gettext_noop(
    "Servers cannot check who this site is: {trouble}. Until they can, posts and sign-ins wait; no connection is lost. "
    "`elonara doctor` says more."
)
REFUSED_ANYWAY: Final = gettext_noop(
    "{issuer} refuses this site as a client ({code}), so posts of its members wait; no connection is lost. Clock and "
    "metadata look right from this machine: can that server reach {url}?"
)
METADATA_NOTICE: Final = "client metadata"
CLOCK_NOTICE: Final = "clock of "  # and the name of the machine

log = logging.getLogger(__name__)


def services(options: Bluesky) -> dict[str, str]:
    """The services that this site depends on, each with a URL that answers in any case."""
    found = {"PLC": f"{options.plc_url}/_health", "AppView": f"{options.appview_url}/xrpc/_health"}
    if options.handle_resolver_url:
        nsid = "com.atproto.identity.resolveHandle"
        found["resolver"] = f"{options.handle_resolver_url}/xrpc/{nsid}?handle={quote('atproto.com')}"
    return found


def ask(url: str) -> tuple[Response, float | None]:
    """The response to a GET, and by how many seconds our clock is ahead of its server's. Raises NetworkError."""
    began = server_clocks.wall()
    response = network.http().request("GET", url, deadline=DEADLINE_SECONDS)
    return response, ahead_of(response.headers, began, server_clocks.wall())


def typical(differences: Collection[float]) -> float | None:
    """The median: one server with a wrong clock of its own changes nothing. None where there are no differences."""
    return statistics.median(differences) if differences else None


def way(ahead: float) -> str:
    """In which direction a clock is off, for the log and the command line."""
    return "ahead" if ahead > 0 else "behind"


def documents() -> list[tuple[str, dict[str, Any]]]:
    """The URLs that servers fetch our client metadata and keys from, with what they must find; none on loopback."""
    site = settings.ELONARA.site
    if site.is_loopback:
        return []
    return [(site.url + client.METADATA_PATH, client.metadata()), (site.url + client.JWKS_PATH, client.jwks())]


def document_trouble(url: str, expected: dict[str, Any]) -> str:
    """What is wrong with the document at `url`, in words; "" where nothing is. Raises AtprotoError: not reached."""
    response, _ahead = ask(url)
    if response.status != 200:
        return _("{url} answers {status}; nobody can connect").format(url=url, status=response.status)
    found = response.json()
    if not response.headers.get("content-type", "").startswith("application/json"):
        return _("{url} is not served as application/json").format(url=url)
    return "" if found == expected else _("{url} does not say what this site would").format(url=url)


def look(issuer: str = "", code: str = "") -> bool:
    """Notify the operators of a clock that is off and of metadata that cannot be fetched, or settle those notices.

    An `issuer` that refuses this site with `code` is named where nothing wrong is found. Returns whether anything is.
    """
    ahead = typical(list(_differences()))
    if ahead is not None:
        _notify(clock_notice(), ahead, abs(ahead) >= OFF_SECONDS)
    troubles = [trouble for url, expected in documents() if (trouble := _trouble(url, expected))]
    is_off = abs(ahead or 0.0) >= OFF_SECONDS
    if troubles:
        notify_operators(METADATA_NOTICE, _(METADATA_AWAY).format(trouble=troubles[0])[:500], "/admin/jobs/")
    elif issuer and not is_off:
        text = _(REFUSED_ANYWAY).format(issuer=issuer[:200], code=code[:40], url=settings.ELONARA.site.url[:100])
        notify_operators(METADATA_NOTICE, text, "/admin/jobs/")
    else:
        settle_operators(METADATA_NOTICE)
    return bool(troubles or issuer) or is_off


def settle_if_mended() -> int:
    """Look again while the operators have a notice of ours, which nothing else might settle. Returns how often."""
    ours = Notice.objects.filter(kind__in=[METADATA_NOTICE, clock_notice()], dismissed_at=None)
    if not ours.exists():
        return 0
    look()
    return 1


def clock_notice() -> str:
    """The kind of the notice about this machine's clock; another machine's is another notice."""
    return f"{CLOCK_NOTICE}{socket.gethostname()}"[:40]


def _notify(kind: str, ahead: float, is_off: bool) -> None:
    if not is_off:
        settle_operators(kind)
        return
    log.warning("this machine's clock is %.0f seconds %s", abs(ahead), way(ahead))
    notify_operators(kind, f"{_how_far(ahead)} {_(CLOCK_OFF)} {_(SYNC)}", "/admin/jobs/")


def _how_far(ahead: float) -> str:
    seconds = round(abs(ahead))
    if ahead > 0:
        text = ngettext(
            "The clock of {machine} is {seconds} second ahead.",
            "The clock of {machine} is {seconds} seconds ahead.",
            seconds,
        )
    else:
        text = ngettext(
            "The clock of {machine} is {seconds} second behind.",
            "The clock of {machine} is {seconds} seconds behind.",
            seconds,
        )
    return text.format(machine=socket.gethostname()[:60], seconds=seconds)


def _differences() -> list[float]:
    found = []
    for url in services(settings.ELONARA.bluesky).values():
        try:
            _response, ahead = ask(url)
        except AtprotoError as fault:
            log.info("%s was not reached for the time: %s", url, fault)
            continue
        found += [] if ahead is None else [ahead]
    return found


def _trouble(url: str, expected: dict[str, Any]) -> str:
    try:
        return document_trouble(url, expected)
    except AtprotoError as fault:
        return _("{url} is not reached: {fault}").format(url=url, fault=fault)
