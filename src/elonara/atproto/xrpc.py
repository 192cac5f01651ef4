"""XRPC: queries and procedures of AT Protocol services over guarded HTTP.

Spec: https://atproto.com/specs/xrpc
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from elonara.atproto.answers import xrpc_error
from elonara.atproto.errors import MalformedAnswer
from elonara.atproto.network import Answer, Http

# A nonce, then a token, then the nonce that the new token's answer asks for.
MAX_RETRIES = 3

Param = str | int | bool | Sequence[str]


class Authorizer(Protocol):
    """Puts a credential on calls and learns from the answers. Safe to use from several threads."""

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """The headers that authorize one attempt. Called afresh for every attempt (proofs are used once)."""
        ...

    def retry(self, method: str, url: str, answer: Answer) -> bool:
        """Called on 400 and 401: True to try once more (a nonce was stored, a token refreshed)."""
        ...

    def observe(self, url: str, answer: Answer) -> None:
        """Called with every answer, before it is judged: nonces, rate limits."""
        ...


class Xrpc:
    """XRPC calls. Raises XrpcError for what servers refuse and NetworkError where no answer came."""

    def __init__(self, http: Http) -> None:
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
        answer = self._call(
            "GET", service, nsid, auth, extra, deadline, max_bytes, params=_params(params or {}), content=None
        )
        return answer.json()

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
        answer = self._call("POST", service, nsid, auth, extra, deadline, max_bytes, params=None, content=content)
        return answer.json() if answer.body else {}

    def _call(
        self,
        method: str,
        service: str,
        nsid: str,
        auth: Authorizer | None,
        extra: Mapping[str, str],
        deadline: float,
        max_bytes: int,
        *,
        params: list[tuple[str, str]] | None,
        content: bytes | None,
    ) -> Answer:
        url = f"{service.rstrip('/')}/xrpc/{nsid}"
        for attempt in range(MAX_RETRIES + 1):
            headers = {"accept": "application/json", **extra, **(auth.headers(method, url) if auth else {})}
            answer = self._http.request(
                method, url, headers=headers, params=params, content=content, deadline=deadline, max_bytes=max_bytes
            )
            if auth:
                auth.observe(url, answer)
            if answer.status == 200:
                return answer
            can_retry = auth is not None and answer.status in {400, 401} and attempt < MAX_RETRIES
            if not (can_retry and auth is not None and auth.retry(method, url, answer)):
                break
        if 200 <= answer.status < 400:
            raise MalformedAnswer(answer.status, f"{nsid} answered with status {answer.status}")
        raise xrpc_error(answer.status, answer.headers, answer.body, nsid)


def _params(params: Mapping[str, Param | None]) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in params.items():
        if value is None:
            continue
        items: Sequence[str | int | bool] = [value] if isinstance(value, (str, int)) else value
        flat += [(name, str(item).lower() if isinstance(item, bool) else str(item)) for item in items]
    return flat
