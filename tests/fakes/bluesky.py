"""A whole Bluesky in memory: the PLC directory, one PDS and its authorization server, with faults on request.

The authorization server is that of tests/fakes/oauth.py and the PDS that of tests/fakes/pds.py: the PDS accepts and
refuses exactly the tokens that the authorization server issues, rotates and revokes.
"""

from collections import defaultdict, deque

from tests.fakes.appview import APPVIEW
from tests.fakes.faulty_server import Call
from tests.fakes.oauth import AuthorizationServer, Network, answer
from tests.fakes.pds import FakePds

from elonara.atproto.errors import NetworkError

PDS = "https://pds.example"
DONE = frozenset({"crash after", "lost", "late", "502 after"})  # moods with an effect, now or later


class Crash(BaseException):
    """Ends the worker, as kill -9 does: a BaseException, so that no handler of the site catches it."""


class Bluesky(Network):
    """`moods` are the faults of the next requests to one XRPC method or path: `moods["createRecord"].append("lost")`.

    "crash before", "crash after": the site's process ends before or after the request has its effect; "lost": it has
    its effect, but no response comes; "late": no response, and it has its effect when `land()` is called;
    "unreachable": it is not sent; "500", "502", "503": no effect; "502 after": effect and error; "429", "429 for all":
    a rate limit of the account, or of the site's IP address. A mood with an effect is kept for the next request that
    the server does not refuse.
    """

    def __init__(self, now):
        """`now` is the servers' clock, in seconds."""
        super().__init__()
        self.now, self.moods = now, defaultdict(deque)
        self.pds = FakePds()
        self.pds.now, self.pds.url = now, PDS
        self.pds.wall = lambda: self.time_at(PDS)
        self.server = Issuer(self)
        self.origins |= {PDS: self._with_moods(self._at_pds), self.server.issuer: self._with_moods(self.server.serve)}
        self.origins[APPVIEW] = lambda request: answer(200, {"did": "did:plc:any", "handle": "any.example.com"})
        self._late = []  # (records to be written, keys to be deleted)

    def account(self, handle):
        """Create an account at this PDS."""
        account = self.pds.create_account(handle)
        self.person(account.did, handle, PDS)
        return account

    @property
    def late(self):
        """Whether a late request has not had its effect yet."""
        return bool(self._late)

    def land(self):
        """Let the late requests have their effect. The server accepted them already: tokens are not checked again."""
        for gained, lost in self._late:
            self.pds.records = {key: one for key, one in (gained | self.pds.records).items() if key not in lost}
        self._late.clear()

    def speak_as(self, profile):
        """Refuse in the words of another implementation (tests/fakes/profiles.py)."""
        self.pds.profile = self.server.profile = profile

    def revoke_sessions(self):
        """Revoke every OAuth session, as the member can on her server's page."""
        for session in self.server.sessions:
            session.alive = False

    def change_nonces(self):
        """Rotate the DPoP nonces, as servers do every few minutes."""
        self.pds.nonce = self.pds.nonce[:8] + str(len(self.requests))
        self.server.nonce["as"] = f"as-nonce-{len(self.requests)}"

    def _at_pds(self, request):
        if request.path.startswith("/.well-known/"):
            return self.server.serve_pds(request)
        for session in self.server.sessions:
            if not session.alive:
                self.pds.end_oauth_token(session.access_token)
        response = self.pds.perform(Call(request.method, request.url, request.headers, request.content))
        return answer(response.status, response.body, response.headers)

    def _with_moods(self, serve):
        def with_fault(request):
            moods = self.moods[request.path.rpartition("/")[2].rpartition(".")[2]]
            mood = moods.popleft() if moods else ""
            if mood in DONE:
                before = dict(self.pds.records)
                response = serve(request)
                if response.status != 200:
                    moods.appendleft(mood)
                    return response
                if mood == "late":
                    self._postpone(before)
                return self._fail(mood)
            return self._fail(mood) if mood else serve(request)

        return with_fault

    def _postpone(self, before):
        after, self.pds.records = self.pds.records, before
        gained = {key: one for key, one in after.items() if key not in before}
        self._late.append((gained, before.keys() - after.keys()))

    def _fail(self, mood):
        match mood:
            case "crash before" | "crash after":
                raise Crash
            case "unreachable":
                raise NetworkError("the server could not be reached", ambiguous=False)
            case "lost" | "late":
                raise NetworkError("the server did not answer", ambiguous=True)
            case "429" | "429 for all":
                policy = "3000;w=300" if mood == "429 for all" else "5000;w=3600"
                limits = {"limit": policy[:4], "remaining": "0", "reset": str(int(self.now()) + 180), "policy": policy}
                headers = {f"ratelimit-{name}": value for name, value in limits.items()}
                return answer(429, {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"}, headers)
            case _:
                return answer(int(mood[:3]), b"<html>Bad day</html>")


class Issuer(AuthorizationServer):
    """Issues access tokens that its PDS accepts."""

    def access_token(self, session):
        pds = self.network.pds
        pds.end_oauth_token(session.access_token)
        return pds.oauth_token(session.did, session.thumbprint, session.scope)
