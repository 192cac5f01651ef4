"""Pushed authorization requests (RFC 9126) with PKCE (RFC 7636): their parameters, and the URL that comes back."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from elonara.atproto.errors import MalformedResponse
from elonara.atproto.identity import HANDLE_INVALID, Identity
from elonara.atproto.oauth.metadata import AuthorizationServer, BadServer

if TYPE_CHECKING:
    from elonara.atproto.http import Response

MAX_REQUEST_URI = 2000  # characters


def request_parameters(*, redirect_uri: str, scope: str, state: str, verifier: str) -> dict[str, str]:
    """The parameters that every authorization request has. `verifier` itself is sent with the code, later."""
    return {
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": scope,
        "state": state,
        "code_challenge": code_challenge(verifier),
        "code_challenge_method": "S256",
    }


def login_hint_for(identity: Identity) -> str:
    """The handle, or the DID where the account has no verified handle."""
    return identity.did if identity.handle == HANDLE_INVALID else identity.handle


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def authorization_url(authority: AuthorizationServer, client_id: str, response: Response) -> str:
    """The URL to send the browser to after `response` accepted the request. Raises BadServer without `request_uri`."""
    try:
        request_uri = response.json().get("request_uri")
    except MalformedResponse:
        request_uri = None
    if not isinstance(request_uri, str) or not 0 < len(request_uri) <= MAX_REQUEST_URI:
        raise BadServer(f"{authority.issuer} took the request but gave no request_uri.")
    query = urlencode({"client_id": client_id, "request_uri": request_uri}, quote_via=quote)
    separator = "&" if "?" in authority.authorization_endpoint else "?"
    return f"{authority.authorization_endpoint}{separator}{query}"
