"""Why the graph cannot be read now, as sentences for the page that wanted to show it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto.errors import AtprotoError, ErrorKind, NetworkError, XrpcError
from elonara.bluesky import outward
from elonara.bluesky.outward import NotNow
from elonara.bluesky.refresh_lease import TryLater

ABOUT_THE_ACCOUNT = {
    "account_deactivated": gettext_noop("Your Bluesky account is deactivated, so Bluesky does not show who you know."),
    "account_takendown": gettext_noop("Bluesky has taken your account down, so it does not show who you know."),
}
# Reasons that the member alone can end. The others are faults of the network, and `pending` is the operator's to end.
FOR_THE_MEMBER = frozenset({"not_connected", *ABOUT_THE_ACCOUNT})
PENDING = "pending"
MALFORMED_RESPONSE = gettext_noop("Bluesky answered in a way that cannot be read.")


@dataclass
class GraphUnavailable(Exception):
    """The graph cannot be read now.

    Reasons: not_connected, rate_limited, busy, pending, bad_cursor, unreachable, server,
    account_deactivated, account_takendown.
    """

    reason: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.reason}: {self.sentence}"


@contextlib.contextmanager
def as_graph_unavailable() -> Iterator[None]:
    """Turn the errors of a read in this block into GraphUnavailable, except SessionEnded."""
    try:
        yield
    except TryLater as fault:
        known = ABOUT_THE_ACCOUNT.get(fault.reason)
        raise GraphUnavailable(
            fault.reason, _(known) if known else _("Bluesky could not be reached just now. Try again in a minute.")
        ) from fault
    except XrpcError as fault:
        match fault.kind:
            case ErrorKind.RATE_LIMITED:
                sentence = _("Bluesky asks this site to wait. Try again in a few minutes.")
            case ErrorKind.ACCOUNT_DEACTIVATED | ErrorKind.ACCOUNT_TAKENDOWN:
                sentence = _(ABOUT_THE_ACCOUNT[fault.kind.value])
            case _:
                sentence = _("Bluesky had a problem. Try again in a minute.")
        named = fault.kind is ErrorKind.RATE_LIMITED or fault.kind.value in ABOUT_THE_ACCOUNT
        raise GraphUnavailable(fault.kind.value if named else "server", sentence) from fault
    except NotNow as fault:
        raise GraphUnavailable(fault.reason, fault.sentence) from fault
    except NetworkError as fault:
        budget = outward.current()
        if budget is not None and budget.server:
            sentence = _("{server} does not answer. Try again in a minute.").format(server=budget.server)
        else:
            sentence = _("Your server does not answer. Try again in a minute.")
        raise GraphUnavailable("unreachable", sentence) from fault
    except (AtprotoError, KeyError, TypeError) as fault:
        raise GraphUnavailable("server", _(MALFORMED_RESPONSE)) from fault
