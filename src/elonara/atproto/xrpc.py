"""XRPC: queries and procedures of AT Protocol services over guarded HTTP.

Spec: https://atproto.com/specs/xrpc
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from elonara.atproto.error_responses import xrpc_error
from elonara.atproto.errors import MalformedResponse
from elonara.atproto.http import HttpClient, Response

# A nonce, then the token that another process stored, then a refreshed one, then the authorizer's last word.
MAX_RETRIES = 4

Param = str | int | bool | Sequence[str]


class Authorizer(Protocol):
    """Puts a credential on calls and learns from the answers. Safe to use from several threads."""

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """The headers that authorize one attempt. Called afresh for every attempt (proofs are used once)."""
        ...

    def retry(self, method: str, url: str, answer: Response) -> bool:
        """Called on 400 and 401: True to try once more (a nonce was stored, a token refreshed)."""
        ...

    def observe(self, url: str, answer: Response) -> None:
        """Called with every answer, before it is judged: nonces, rate limits."""
        ...


class Xrpc:
    """XRPC calls. Raises XrpcError for what servers refuse and NetworkError where no answer came."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def query(
        self,
        service: str,
        nsid: str,
        params: Mapping[str, Param | None] | None = None,
        *,
        auth: Authorizer | None = None,
        proxy: str | None = None,
        deadline: float = 20.0,
        max_bytes: int = 1 << 20,
    ) -> dict[str, Any]:
        """GET `nsid` at `service` (an origin). `proxy` is `did#service`: the PDS passes the call on to it.

        Parameters that are None are left out; a sequence is repeated; booleans become `true` and `false`.
        """
        extra = {"atproto-proxy": proxy} if proxy else {}
        send = partial(self._http.request, params=_params(params or {}), deadline=deadline, max_bytes=max_bytes)
        return _call(send, "GET", service, nsid, headers=extra, auth=auth).json()

    def procedure(
        self,
        service: str,
        nsid: str,
        json: Mapping[str, Any] | None = None,
        *,
        content: bytes | None = None,
        content_type: str | None = None,
        auth: Authorizer | None = None,
        proxy: str | None = None,
        deadline: float = 20.0,
        max_bytes: int = 1 << 20,
    ) -> dict[str, Any]:
        """POST `nsid` at `service` with a JSON body, or with `content` of `content_type`, or with no body.

        An empty answer becomes `{}` (deleteSession and friends promise none).
        """
        extra = {"atproto-proxy": proxy} if proxy else {}
        if json is not None:
            content = jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":")).encode()
            content_type = "application/json"
        if content_type:
            extra["content-type"] = content_type
        send = partial(self._http.request, content=content, deadline=deadline, max_bytes=max_bytes)
        answer = _call(send, "POST", service, nsid, headers=extra, auth=auth)
        return answer.json() if answer.body else {}


def _call(
    send: Callable[..., Response],
    method: str,
    service: str,
    nsid: str,
    *,
    headers: Mapping[str, str],
    auth: Authorizer | None,
) -> Response:
    url = f"{service.rstrip('/')}/xrpc/{nsid}"
    retries = MAX_RETRIES if auth else 0
    while True:
        credential = auth.headers(method, url) if auth else {}
        answer = send(method, url, headers={"accept": "application/json", **headers, **credential})
        if auth:
            auth.observe(url, answer)
        if answer.status == 200:
            return answer
        retries -= 1
        if answer.status not in {400, 401} or retries < 0 or auth is None or not auth.retry(method, url, answer):
            break
    if answer.status < 400:
        raise MalformedResponse(answer.status, f"{nsid} answered with status {answer.status}")
    raise xrpc_error(answer.status, answer.headers, answer.body, nsid)


def _params(params: Mapping[str, Param | None]) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in params.items():
        if value is None:
            continue
        items: Sequence[str | int | bool] = [value] if isinstance(value, (str, int)) else value
        flat += [(name, str(item).lower() if isinstance(item, bool) else str(item)) for item in items]
    return flat
