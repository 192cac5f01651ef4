"""Why the graph cannot be read now, as sentences for the page that wanted to show it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from elonara.atproto.errors import AtprotoError, ErrorKind, NetworkError, XrpcError
from elonara.bluesky.outward import NotNow
from elonara.bluesky.refresh_lease import TryLater

# Reasons that the member alone can end. The others are faults of the network, and `pending` is the operator's to end.
FOR_THE_MEMBER = frozenset({"not_connected", "account_deactivated"})
PENDING = "pending"
MALFORMED_RESPONSE = "Bluesky answered in a way that cannot be read."


@dataclass
class GraphUnavailable(Exception):
    """The graph cannot be read now.

    Reasons: not_connected, rate_limited, busy, pending, bad_cursor, unreachable, server,
    account_deactivated.
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
        raise GraphUnavailable(fault.reason, "Bluesky could not be asked just now. Try again in a minute.") from fault
    except XrpcError as fault:
        match fault.kind:
            case ErrorKind.RATE_LIMITED:
                sentence = "Bluesky asks this site to wait. Try again in a few minutes."
            case ErrorKind.ACCOUNT_DEACTIVATED:
                sentence = "Your Bluesky account is deactivated. Activate it in the Bluesky app."
            case _:
                sentence = "Bluesky had a fault of its own. Try again in a minute."
        known = {ErrorKind.RATE_LIMITED, ErrorKind.ACCOUNT_DEACTIVATED}
        raise GraphUnavailable(fault.kind.value if fault.kind in known else "server", sentence) from fault
    except NotNow as fault:
        raise GraphUnavailable(fault.reason, fault.sentence) from fault
    except NetworkError as fault:
        raise GraphUnavailable("unreachable", "Your server does not answer. Try again in a minute.") from fault
    except (AtprotoError, KeyError, TypeError) as fault:
        raise GraphUnavailable("server", MALFORMED_RESPONSE) from fault
