"""A host whose account lives at a PDS made of arroba, which has app passwords and no OAuth."""

import itertools
import json
import secrets
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import OctKey
from tests.fakes.graph import FakeGraph, somebody

from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing.agent import POSTS
from elonara.events import actions as events
from elonara.invitations.outbox import thumbnails
from elonara.members.models import Member

ROOT = Path(__file__).parents[3]
PASSWORD = "abcd-efgh-ijkl-mnop"
_numbers = itertools.count(1)


def a_token(scope="com.atproto.appPass", seconds=7200):
    """What the server is told to hand out. It only compares it: any text will do, and a JWT is what ours can read."""
    now = int(time.time())
    claims = {"scope": scope, "iat": now, "exp": now + seconds, "jti": secrets.token_hex(8)}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secrets.token_hex(32)))


class Arroba:
    """The running server. `tell` changes it."""

    def __init__(self, url):
        self.url, self.token = url, ""
        self.client = httpx2.Client(base_url=url, timeout=20, trust_env=False)

    def tell(self, **order):
        self.token = order.get("token", self.token)
        self.client.post("/control", json=order).raise_for_status()

    def account(self):
        did = "did:plc:" + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(24))
        handle = f"host{next(_numbers)}.test"
        self.tell(create=did, handle=handle, password=PASSWORD, token=a_token())
        return SimpleNamespace(did=did, handle=handle, app_password=PASSWORD, pds_url=self.url)

    def post(self, did, key):
        params = {"repo": did, "collection": POSTS, "rkey": key}
        return self.client.get("/xrpc/com.atproto.repo.getRecord", params=params).json()["value"]

    def posts(self, did):
        """What it has of an account: key → text."""
        params = {"repo": did, "collection": POSTS, "limit": 100}
        found = self.client.get("/xrpc/com.atproto.repo.listRecords", params=params).json()["records"]
        return {one["uri"].rsplit("/", 1)[1]: one["value"]["text"] for one in found}


@pytest.fixture(scope="session")
def process():
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contract.arroba.pds", "0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT,
    ) as running:  # fmt: skip
        server = Arroba(json.loads(running.stdout.readline())["url"])
        yield server
        server.client.close()
        running.kill()


@pytest.fixture
def server(process):
    process.tell(password=PASSWORD, token=a_token())
    return process


@pytest.fixture
def site(transactional_db, server, set_options):
    """A site whose directory knows the server."""
    thumbnails.forget()
    set_options(
        bluesky={
            "plc_url": server.url, "handle_resolver_url": server.url, "appview_url": server.url,
            "allow_private_hosts": (server.url.removeprefix("http://"),),
        },
        invitations={"spacing_seconds": 0, "per_day": 200, "first_week_per_day": 200, "per_week": 1000},
    )  # fmt: skip


@pytest.fixture
def account(server, site):
    return server.account()


@pytest.fixture
def member(account):
    """A member whose account is there; what she signed in with before is over."""
    member = Member.objects.create_user(f"host{next(_numbers)}", display_name="Alice")
    MemberIdentity.objects.create(
        member=member, bsky_did=account.did, bsky_handle=account.handle, pds_url=account.pds_url,
        state="needs_reauth", state_reason="revoked",
    )  # fmt: skip
    return member


@pytest.fixture
def host(member, account):
    """She has given her app password."""
    app_passwords.connect(member, "", account.app_password)
    return member


@pytest.fixture
def friends():
    people = [somebody(name) for name in ("bob", "carol", "dan")]
    with graph_service.use(FakeGraph(people)):
        yield [person.did for person in people]


@pytest.fixture
def event(host):
    starts = timezone.now() + timedelta(days=30)
    return events.create(host, title="Picnic", starts_at=starts, timezone="Europe/Berlin")
