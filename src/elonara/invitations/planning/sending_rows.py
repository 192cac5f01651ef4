"""What is stored about a host herself and decides how and how much she sends, read in one query for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from elonara.bluesky.writing.agent import MemberRows
from elonara.compiled_queries import CompiledQuery
from elonara.invitations.account_models import SendingAccount
from elonara.invitations.models import HostSending
from elonara.members.models import Member


@dataclass(frozen=True)
class SendingRows:
    """The rows; None where there is none."""

    bluesky: MemberRows
    sending: HostSending | None
    account: SendingAccount | None


def read(host: Member) -> SendingRows:
    """Read them. `host.bluesky` and `host.stored_graph` then need no query of their own."""
    row = _ROWS.first(host=host.pk)
    if row is None:
        raise Member.DoesNotExist
    identity, holder = _one(row, "bluesky"), _one(row, "sending_account")
    for name, found in (("bluesky", identity), ("stored_graph", _one(row, "stored_graph"))):
        relation: Any = Member._meta.get_field(name)
        relation.set_cached_value(host, found)
    return SendingRows(
        MemberRows(identity, _one(row, "app_password")),
        _one(row, "sending"),
        holder.account if holder is not None else None,
    )


# Asked for every page of Manage.
_RELATED = ("bluesky", "app_password", "sending", "sending_account__account", "stored_graph")
_ROWS = CompiledQuery(lambda host: Member.objects.select_related(*_RELATED).filter(pk=host))


def _one(row: Member, name: str) -> Any:
    return getattr(row, name, None)  # the other side of a one-to-one relation raises an AttributeError where none is
