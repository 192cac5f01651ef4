"""How a session is refreshed: by one process at a time, for OAuth sessions and app-password sessions alike.

A theory of operation, for whoever has to find a fault in it. The OAuth calls are in `oauth.sessions`, those
of app passwords in `app_password.sessions`; the lease itself is `elonara.locks`.

**What can be lost.** A refresh token is single use: the server responds with new tokens, and from then on refuses the
old ones. Sending the old refresh token again is a *replay*, at which the authorization server revokes the whole
session; two requests at once get one 200 and one 500. Whoever uses the token and does not store what came back has
lost the session, and only the member can make another one.

**Who may refresh, and how the others wait.** Whoever needs a token (a page, a worker, the task that renews idle
sessions) first reads the row. Only if the token there has expired, or is the very one that the server has just refused,
does it try to take the lease of that row. The one who gets the lease reads the row once more, because another process
may just have finished, and refreshes. The others poll the row, at first after 20 ms and at last twice a second, and
take the new token as soon as it is stored. After `MAX_WAIT_SECONDS` they give up with TryLater("busy").

**Who does not wait to the end.** A page or an API call waits for 3 s in all (`elonara.bluesky.outward`). The refresh
that it began goes on in a thread of its own, is stored under its lease, and serves whoever comes next; the page says
that Bluesky could not be asked just now. Several requests of one member wait for one such thread.

**Why the lease has a fence.** A process can be suspended for longer than its lease lasts and then go on as if nothing
had happened. Meanwhile somebody else has taken the lease, and with it the next fence. Connect, Reauthorize, Disconnect
and a new app password do not wait for the lease at all: they raise the fence. So a result is stored only where the
fence is still ours, in one conditional UPDATE. If it is not, the new OAuth session is revoked at the server, as nobody
will ever use it, and the caller reads the row again later.

**Why `attempt_started_at` is committed before the call.** A killed process says nothing. The mark says in its place
that the token may have been used. Whoever refreshes next still sends the token, because the request may never have
arrived, and then the mark decides how a refusal is read: `refresh_lost` (we broke off in the middle) with it, `revoked`
(ended by the member or her server) without it. The mark is cleared when tokens are stored and when the server has
refused without using the token. It must not be part of a larger transaction: `take_lease` raises inside one. (For app
passwords the mark is only a note for people: there a refused refresh token costs nothing but another sign-in.)

**Why 20 s and 60 s.** One OAuth refresh takes at most `FLOW_DEADLINE_SECONDS` in all: reading the server's metadata,
the request, and a repetition when the server wants another DPoP nonce (it has not looked at the token then). Revoking
a grant that cannot be accepted takes 5 s more. The lease lasts three times the deadline, so it never ends under a
refresh that is merely slow, and no two processes wait for a response to the same token at the same time. A waiter waits
a little longer than the deadline, so that it sees the result of a refresh that took all of it. An app password may need
two calls of 20 s, with a lookup of the DID between them: its waiters may give up as busy, and should the lease end, the
fence keeps the late result out.

**What a crash costs.**
*Before the call*: nothing but time. The lease ends by itself within a minute; until then the others give up as busy.
*Between the server's rotation and our commit*: the OAuth session. The next one sends the used token, gets
`invalid_grant`, and the row becomes `needs_reauth` with `refresh_lost`. An app password makes a new session with the
stored password instead, so the member notices nothing.
*After the commit*: nothing. The row has the new token, and reading it needs no lease.

**What each failure means for an OAuth session.**
`invalid_grant`: it is over (used, revoked, or the row comes from an older backup); `needs_reauth`, the tokens are
dropped and the member is notified once. But servers refuse the tokens of an account that was taken down, too: first it
is looked up how the account is (`elonara.bluesky.account_status`). While it is deactivated or taken down the tokens are
kept and nobody is asked for anything; where it has moved the row becomes `needs_reauth`, `moved`.
`invalid_client` and its like: the server could not fetch our metadata, or does not accept what we signed, such as by a
clock that is off. It has not looked at the grant, so the mark is cleared; TryLater, and the issuer is not asked for a
while (`oauth.client_refusals`).
A row of another client id (`site.url` is another one): nothing is asked and nothing ends; TryLater `address_changed`,
until the setting is back, or the operator says that the site has moved (`elonara reauthorize --moved`).
Tokens for another DID: they are revoked at the server, and the row becomes `needs_reauth`.
Tokens without the `atproto` scope: they are revoked, too; TryLater, and the next attempt finds the session gone.
Any other 4xx: refused before the token was used, so the mark is cleared; TryLater with the server's `Retry-After`.
No connection, nothing sent: the mark is cleared; TryLater.
A time-out, a 5xx or a response that cannot be read: the token may be used up, so the mark stays; TryLater. The next
attempt sends the same token and finds out. If it was used, the session was lost already, and the replay takes nothing
away that we could still use; if it was not, the session goes on. (The lease is given back at once, so a request that
is still on its way to the server may meet the next one there. At worst that costs what a lost response costs.)
A PDS that refuses the token: first the row is read again. Another token there was stored by another process and is
tried without a refresh; the refused one is refreshed. That happens at most twice for one request. If the PDS still
refuses, the account is looked up. Where its DID document names another PDS, the row becomes `needs_reauth`, `moved`;
but if the same authorization server speaks for that one, the session goes along with a refresh. An account that is
deactivated or taken down waits. Else the row stays as it is and the call fails: the grant was renewed a moment ago, so
nothing is wrong with it. Where the DID cannot be resolved, the row stays, too: TryLater.

**What each failure means for an app password.** A refresh token that is refused, for whatever reason: a new session is
made with the stored password, rarely, because a PDS allows 300 of them a day. The same where a server does not know the
method, or has failed at it for ten minutes, as one that refreshes no session at all (docs/servers.md). A password that
is refused: the row becomes `refused`, and the member (for the relay account, the operators) is notified. But first the
account is looked up: one that moved has left its app password behind, and a PDS calls every app password wrong while
the account is taken down. Anything else: TryLater.

**What never happens.** A loop: a failed refresh is not repeated here, callers come back at their own pace, and a
session that is over is not asked for again. A second use of a token whose successor is stored: the successor is
committed before anybody, the refreshing process included, makes a call with the new access token. If the call came
first, a crash in it would lose the only refresh token that still works.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from elonara.atproto.oauth.client import FLOW_DEADLINE_SECONDS
from elonara.bluesky import outward
from elonara.bluesky.models import AppPasswordSession, MemberIdentity
from elonara.locks import Lease, release, take_lease

REFRESH_LEASE_SECONDS: Final = 3 * FLOW_DEADLINE_SECONDS
MAX_WAIT_SECONDS: Final = FLOW_DEADLINE_SECONDS + 5  # how long a process waits for another one's refresh
FIRST_POLL_SECONDS: Final = 0.02  # doubled at each poll
LONGEST_POLL_SECONDS: Final = 0.5
# A token that expires within this counts as expired: a call takes up to 20 s, and clocks differ.
EXPIRY_MARGIN_SECONDS: Final = 30


class SessionEnded(Exception):
    """Only the member can help: reauthorize, or give a new app password. `reason` is a stable code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TryLater(Exception):
    """The session could not be refreshed now, but a later attempt may succeed.

    `reason` is a stable code, `retry_after` in seconds where it is known.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


def refresh_under_lease[Row: (MemberIdentity, AppPasswordSession)](
    model: type[Row],
    pk: UUID,
    *,
    usable: Callable[[Row], str | None],
    refresh: Callable[[Row, Lease], str],
) -> str:
    """An access token that works: the one in the row where `usable` accepts it, else what `refresh` stores and returns.

    `usable(row)` returns the row's token, or None when it must be refreshed; it raises SessionEnded when it cannot be.
    `refresh(row, lease)` is called by whoever has the lease. Within a request it runs to its end in the background,
    while the request waits for as long as its budget lasts. Raises SessionEnded and TryLater.
    """
    token = usable(_read(model, pk))
    if token is not None:
        return token
    try:
        return outward.to_the_end((model.__name__, pk), lambda: _under_lease(model, pk, usable, refresh))
    except outward.NotNow as fault:
        raise TryLater("busy", retry_after=5) from fault


def _under_lease[Row: (MemberIdentity, AppPasswordSession)](
    model: type[Row], pk: UUID, usable: Callable[[Row], str | None], refresh: Callable[[Row, Lease], str]
) -> str:
    owner, give_up_at, pause = secrets.token_hex(8), time.monotonic() + MAX_WAIT_SECONDS, FIRST_POLL_SECONDS
    while True:
        lease = take_lease(model, pk, owner, REFRESH_LEASE_SECONDS)
        if lease is not None:
            try:
                # Read again under the lease: another process may just have finished.
                row = _read(model, pk)
                return usable(row) or refresh(row, lease)
            finally:
                release(lease)
        if time.monotonic() > give_up_at:
            raise TryLater("busy", retry_after=5)
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_POLL_SECONDS)
        token = usable(_read(model, pk))
        if token is not None:
            return token


def _read[Row: (MemberIdentity, AppPasswordSession)](model: type[Row], pk: UUID) -> Row:
    row = model._default_manager.filter(pk=pk).first()
    if row is None:
        raise SessionEnded("not_connected")
    return row
