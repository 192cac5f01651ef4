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

# Calls of `Authorizer.retry` for one request: for a new nonce, for a new date, for the token that another process
# stored, for a refreshed one, and a last call in which `DpopAuth` can react to a refusal in spite of all that.
MAX_RETRIES = 5

Param = str | int | bool | Sequence[str]


class Authorizer(Protocol):
    """Adds credentials to requests and reads nonces and errors from the responses. Thread-safe."""

    def headers(self, method: str, url: str) -> Mapping[str, str]:
        """The headers that authorize one attempt. Called for every attempt, since a DPoP proof may be used once."""
        ...

    def retry(self, method: str, url: str, response: Response) -> bool:
        """Called on status 400 and 401, and with any challenge. True: send the request again.

        It was refused before anything was done, and now there is another nonce or token.
        """
        ...

    def observe(self, url: str, response: Response) -> None:
        """Called with every response, before its status is examined, to keep nonces and rate limits."""
        ...


class Xrpc:
    """Makes XRPC calls. Raises XrpcError for error responses and NetworkError where no usable response came."""

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
        """GET `nsid` at `service` (an origin). `proxy` is `did#service`, to which the PDS forwards the call.

        Parameters that are None are left out; a sequence becomes a repeated parameter; booleans `true` and `false`.
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

        An empty response becomes `{}`: methods without output, such as deleteSession, have no body.
        """
        extra = {"atproto-proxy": proxy} if proxy else {}
        if json is not None:
            content = jsonlib.dumps(json, ensure_ascii=False, separators=(",", ":")).encode()
            content_type = "application/json"
        if content_type:
            extra["content-type"] = content_type
        send = partial(self._http.request, content=content, deadline=deadline, max_bytes=max_bytes)
        response = _call(send, "POST", service, nsid, headers=extra, auth=auth)
        return response.json() if response.body else {}


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
        response = send(method, url, headers={"accept": "application/json", **headers, **credential})
        if auth:
            auth.observe(url, response)
        if response.status == 200:
            return response
        retries -= 1
        refused = response.status in {400, 401} or "www-authenticate" in response.headers
        if not refused or retries < 0 or auth is None or not auth.retry(method, url, response):
            break
    if response.status < 400:
        raise MalformedResponse(response.status, f"{nsid} answered with status {response.status}")
    raise xrpc_error(response.status, response.headers, response.body, nsid)


def _params(params: Mapping[str, Param | None]) -> list[tuple[str, str]]:
    flat: list[tuple[str, str]] = []
    for name, value in params.items():
        if value is None:
            continue
        items: Sequence[str | int | bool] = [value] if isinstance(value, (str, int)) else value
        flat += [(name, str(item).lower() if isinstance(item, bool) else str(item)) for item in items]
    return flat
