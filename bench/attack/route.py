"""One request that an attacker repeats."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

BOUNDARY = "attack-attack-attack"


@dataclass(frozen=True)
class Route:
    """A request of the attacker; `{n}` in the body is another number each time."""

    path: str
    method: str = "GET"
    body: dict[str, Any] = field(default_factory=dict)
    signed_in: bool = False  # with the session's cookie; calls of the API have the token
    likely: bool = False  # among those that are tried without --all
    picture: str = ""  # a file to upload, by the name of a function of tests/unit/communities/bad_pictures.py

    @property
    def name(self) -> str:
        """As it stands in the table."""
        return f"{self.method} {self.path}{' (member)' if self.signed_in else ''}{self.picture and ' +' + self.picture}"

    def file(self) -> bytes:
        """What is uploaded."""
        if not self.picture:
            return b""
        from tests.unit.communities import bad_pictures

        return bytes(getattr(bad_pictures, self.picture)())

    def content(self, number: int, picture: bytes = b"") -> tuple[bytes, str]:
        """The body to send and its type."""
        body = {name: _numbered(value, number) for name, value in self.body.items()}
        if self.path.startswith("/api/"):
            return (json.dumps(body).encode() if body else b""), "application/json"
        if self.picture:
            parts = [_part(f'name="{name}"', str(value).encode()) for name, value in body.items()]
            parts.append(_part('name="picture"; filename="p.jpg"\r\nContent-Type: image/jpeg', picture))
            return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"
        return urlencode(body, doseq=True).encode(), "application/x-www-form-urlencoded"


def _numbered(value: Any, number: int) -> Any:
    """The value with its {n} filled in, also inside lists and objects."""
    match value:
        case str():
            return value.format(n=number)
        case list():
            return [_numbered(item, number) for item in value]
        case dict():
            return {name: _numbered(item, number) for name, item in value.items()}
    return value


def _part(disposition: str, value: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode() + value + b"\r\n"
