"""An HTTP client with canned responses by method and URL, which records its requests."""

from __future__ import annotations

import json as jsonlib
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from elonara.atproto.errors import NameNotFound
from elonara.atproto.http import Response


@dataclass
class Asked:
    """A request, as a server would see it."""

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
    """Implements elonara.atproto.http.HttpClient. Hosts without any response cannot be resolved."""

    asked: list[Asked] = field(default_factory=list)
    _places: dict[tuple[str, str], list] = field(default_factory=dict)

    def put(self, method, url, *answers):
        """Set the responses of `url` (without query), in order; the last one repeats.

        An exception is raised; a function is called with the request and returns the response.
        """
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
        """The requests so far, as `METHOD /path`."""
        return [f"{asked.method} {urlsplit(asked.url).path}" for asked in self.asked]


def reply(status=200, body=b"", headers=None, url="https://fake.example.com/"):
    """A response. A body that is not bytes is encoded as JSON."""
    raw = body if isinstance(body, bytes) else jsonlib.dumps(body).encode()
    return Response(status, headers or {}, raw, url)
