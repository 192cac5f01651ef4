"""The public AppView, as far as it says who follows whom."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from tests.fakes.oauth import Network, answer

APPVIEW = "https://public.api.bsky.app"


class FakeAppView:
    """Answers app.bsky.graph.getRelationships: everybody follows, but for those in `strangers`."""

    def __init__(self) -> None:
        self.strangers: set[str] = set()
        self.asked: list[tuple[str, ...]] = []  # the people of each request, in order
        self.network = Network()
        self.network.origins[APPVIEW] = self._serve

    def silent(self) -> None:
        """Answer nothing any more."""
        del self.network.origins[APPVIEW]

    def _serve(self, request):
        asked = parse_qs(urlsplit(request.url).query)
        if not request.path.endswith("/app.bsky.graph.getRelationships"):
            return answer(404, {"error": "NotFound"})
        self.asked.append(tuple(asked["others"]))
        found = [{"did": did, "followedBy": "at://x"} for did in asked["others"] if did not in self.strangers]
        found += [{"did": did} for did in asked["others"] if did in self.strangers]
        return answer(200, {"actor": asked["actor"][0], "relationships": found})
