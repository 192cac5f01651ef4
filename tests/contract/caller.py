"""A client of one PDS, fake or real, that sees bare answers."""

import base64
import json

import httpx2
from tests.fakes.profiles import BLUESKY

POST = "app.bsky.feed.post"


class Caller:
    """A client of one PDS, fake or real, with a fresh account. `profile` is whose words a fake speaks."""

    def __init__(self, url, account, profile=BLUESKY):
        self.account, self.profile = account, profile
        self.client = httpx2.Client(base_url=f"{url}/xrpc/", timeout=10, trust_env=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()

    def post(self, name, body=None, token="", timeout=10, **headers):
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        return self.client.post(f"com.atproto.{name}", json=body, headers=headers, timeout=timeout)

    def session(self, password=""):
        body = {"identifier": self.account.did, "password": password or self.account.app_password}
        return self.post("server.createSession", body).json()

    def body(self, rkey, **more):
        record = {"$type": POST, "text": "Hello", "createdAt": "2026-11-01T12:00:00.000Z", **more}
        return {"repo": self.account.did, "collection": POST, "rkey": rkey, "record": record}

    def refuses(self, answer, situation, status, error):
        """Whether an answer is the refusal of this server in that situation: as given, unless its profile differs."""
        differs = self.profile.answers.get(situation)
        if differs is None:
            return said(answer) == (status, error)
        body = differs.body if isinstance(differs.body, bytes) else json.dumps(differs.body).encode()
        return (answer.status_code, answer.content) == (differs.status, body)

    def status(self):
        found = self.client.get("com.atproto.sync.getRepoStatus", params={"did": self.account.did}).json()
        found.pop("rev", None)
        return found

    def read(self, rkey):
        where = {"repo": self.account.did, "collection": POST, "rkey": rkey}
        return self.client.get("com.atproto.repo.getRecord", params=where)


def jwt_claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def said(answer):
    return answer.status_code, answer.json()["error"]
