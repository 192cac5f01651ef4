"""A whole Bluesky in memory: the directory, one PDS and its authorization server, behind one network in many moods.

The authorization server is that of tests/fakes/oauth.py and the PDS that of tests/fakes/pds.py: a token that the one
gives, rotates or revokes is what the other takes and refuses.
"""

from collections import defaultdict, deque

from tests.fakes.appview import APPVIEW
from tests.fakes.faulty_server import Call
from tests.fakes.oauth import AuthorizationServer, Network, answer
from tests.fakes.pds import FakePds

from elonara.atproto.errors import NetworkError

PDS = "https://pds.example"
DONE = frozenset({"crash after", "lost", "late", "502 after"})  # moods in which the work is done, or will be


class Crash(BaseException):
    """kill -9, as far as a test can have it: nothing that follows in the worker is done."""


class Bluesky(Network):
    """`moods` are taken one by one, by the requests of one method or path: `moods["createRecord"].append("lost")`.

    "crash before", "crash after": the site's process ends at the request, or when the work is done; "lost": the work is
    done, the answer never comes; "late": nobody answers, the work is done when `land()` is called; "unreachable":
    nothing is sent; "500", "502", "503": not done; "502 after": done; "429", "429 for all": too much for the account,
    or for the site's address. A mood of work that is done waits for a request that the server does not refuse.
    """

    def __init__(self, now):
        """`now` is the servers' clock, in seconds."""
        super().__init__()
        self.now, self.moods = now, defaultdict(deque)
        self.pds = FakePds()
        self.pds.now, self.pds.url = now, PDS
        self.server = Issuer(self)
        self.origins |= {PDS: self._moody(self._at_pds), self.server.issuer: self._moody(self.server.serve)}
        self.origins[APPVIEW] = lambda request: answer(200, {"did": "did:plc:any", "handle": "any.example.com"})
        self._late = []  # (records that will stand, keys that will not)

    def account(self, handle):
        """An account that lives here."""
        account = self.pds.create_account(handle)
        self.person(account.did, handle, PDS)
        return account

    @property
    def late(self):
        """Whether work is on its way that nobody waits for."""
        return bool(self._late)

    def land(self):
        """What was on its way arrives now. The server has long let it in: tokens are not looked at again."""
        for gained, lost in self._late:
            self.pds.records = {key: one for key, one in (gained | self.pds.records).items() if key not in lost}
        self._late.clear()

    def revoke_sessions(self):
        """The member ends every OAuth session on her server's page."""
        for session in self.server.sessions:
            session.alive = False

    def change_nonces(self):
        """As servers do every few minutes."""
        self.pds.nonce = self.pds.nonce[:8] + str(len(self.requests))
        self.server.nonce["as"] = f"as-nonce-{len(self.requests)}"

    def _at_pds(self, request):
        if request.path.startswith("/.well-known/"):
            return self.server.serve_pds(request)
        for session in self.server.sessions:
            if not session.alive:
                self.pds.end_oauth_token(session.access_token)
        reply = self.pds.perform(Call(request.method, request.url, request.headers, request.content))
        return answer(reply.status, reply.body, reply.headers)

    def _moody(self, serve):
        def in_its_mood(request):
            moods = self.moods[request.path.rpartition("/")[2].rpartition(".")[2]]
            mood = moods.popleft() if moods else ""
            if mood in DONE:
                before = dict(self.pds.records)
                done = serve(request)
                if done.status != 200:
                    moods.appendleft(mood)
                    return done
                if mood == "late":
                    self._put_off(before)
                return self._unanswered(mood)
            return self._unanswered(mood) if mood else serve(request)

        return in_its_mood

    def _put_off(self, before):
        after, self.pds.records = self.pds.records, before
        gained = {key: one for key, one in after.items() if key not in before}
        self._late.append((gained, before.keys() - after.keys()))

    def _unanswered(self, mood):
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
    """Gives access tokens that its PDS knows."""

    def access_token(self, session):
        pds = self.network.pds
        pds.end_oauth_token(session.access_token)
        return pds.oauth_token(session.did, session.thumbprint, session.scope)
