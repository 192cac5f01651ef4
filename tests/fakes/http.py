"""A network of made-up servers: answers by method and address, and what was asked is written down."""

from __future__ import annotations

import json as jsonlib
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from elonara.atproto.errors import NameNotFound
from elonara.atproto.http import Response


@dataclass
class Asked:
    """One request, as a server would see it."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    redirects: int = 0

    @property
    def json(self):
        return jsonlib.loads(self.body)


@dataclass
class FakeHttp:
    """Implements elonara.atproto.http.HttpClient. Hosts that nothing was put at cannot be found."""

    asked: list[Asked] = field(default_factory=list)
    _places: dict[tuple[str, str], list] = field(default_factory=dict)

    def put(self, method, url, *answers):
        """What `url` (without query) answers, in this order; the last stays. Faults are raised, functions called."""
        self._places[method, url] = list(answers)

    def request(
        self,
        method,
        url,
        *,
        headers=None,
        content=None,
        json=None,
        form=None,
        params=None,
        max_bytes=1 << 20,
        deadline=20.0,
        redirects=0,
    ):
        if json is not None:
            content = jsonlib.dumps(json).encode()
        if form is not None:
            content = urlencode(form).encode()
        query = "?" + urlencode(list(params.items()) if hasattr(params, "items") else list(params)) if params else ""
        asked = Asked(
            method, url + query, {k.lower(): v for k, v in (headers or {}).items()}, content or b"", redirects
        )
        self.asked.append(asked)
        answers = self._places.get((method, url))
        if answers is None:
            host = urlsplit(url).hostname
            if any(urlsplit(known).hostname == host for _, known in self._places):
                return reply(404, b"Not Found", url=url)
            raise NameNotFound(f"{host} was not found")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(asked) if callable(answer) else answer

    def paths(self):
        """What was asked, as `METHOD /path` in order."""
        return [f"{asked.method} {urlsplit(asked.url).path}" for asked in self.asked]


def reply(status=200, body=b"", headers=None, url="https://fake.example.com/"):
    """An answer; a body that is no bytes is sent as JSON."""
    raw = body if isinstance(body, bytes) else jsonlib.dumps(body).encode()
    return Response(status, headers or {}, raw, url)
