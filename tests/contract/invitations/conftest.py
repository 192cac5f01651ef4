"""A host with real accounts to invite, connected both ways, on a site that points at the real network."""

import datetime as dt
import io
import itertools
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest
from django.utils import timezone
from PIL import Image

from elonara import jobs
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing.agent import POSTS
from elonara.communities import actions as communities
from elonara.events import actions as events
from elonara.invitations.consent import spam_labels
from elonara.invitations.outbox import thumbnails
from elonara.members.models import Member

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def forty(network):
    """Forty accounts to be invited."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda _: network.create_account(), range(40)))


@pytest.fixture(scope="session")
def three(network):
    """Three more. Each account costs its servers a third of a second, and most tests invite few people."""
    return [network.create_account() for _ in range(3)]


@pytest.fixture
def people(request):
    """Whom the host follows: the forty where a test names them, else the three."""
    return request.getfixturevalue("forty" if "forty" in request.fixturenames else "three")


@pytest.fixture
def friends(people):
    """A few of them."""
    return people[:3]


@pytest.fixture
def account(network, people):
    """The host's account, which follows the people to be invited."""
    account = network.create_account()
    with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=30, trust_env=False) as pds:
        session = pds.post(
            "com.atproto.server.createSession", json={"identifier": account.did, "password": account.password}
        ).json()
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        writes = [
            {
                "$type": "com.atproto.repo.applyWrites#create",
                "collection": "app.bsky.graph.follow",
                "value": {"$type": "app.bsky.graph.follow", "subject": one.did, "createdAt": now},
            }
            for one in people
        ]
        response = pds.post(
            "com.atproto.repo.applyWrites",
            json={"repo": account.did, "writes": writes},
            headers={"authorization": f"Bearer {session['accessJwt']}"},
        )
        assert response.status_code == 200, response.text
    network.sync()
    return account


@pytest.fixture
def site(transactional_db, point_at, network):
    thumbnails.forget()
    spam_labels.forget_labels()
    return point_at(network)


@pytest.fixture
def mode():
    """The write mode; a test may be given both."""
    return "legacy"


@pytest.fixture
def host(site, point_at, network, account, mode):
    """A member who went through the PDS's own consent page and, in legacy mode, gave an app password."""
    point_at(network, ELONARA_BLUESKY__WRITES__MODE=mode)
    member = Member.objects.create_user(f"host{next(_numbers)}", display_name="Alice")
    service, browser = BlueskyOAuthService(), secrets.token_hex(8)
    url = service.begin("connect", account.handle, member=member, browser=browser, confirmed=True)
    back = network.approve(url, account.handle, account.password)
    service.finish(dict(parse_qsl(urlsplit(back).query)), browser=browser)
    if mode == "legacy":
        app_passwords.connect(member, account.handle, account.app_password)
    assert MemberIdentity.objects.get(member=member).bsky_did == account.did
    return member


@pytest.fixture
def picture():
    data = io.BytesIO()
    Image.new("RGB", (1200, 900), "teal").save(data, "JPEG")
    return data.getvalue()


@pytest.fixture
def make_event(host):
    def make(**fields):
        starts = (timezone.now() + timedelta(days=30)).replace(minute=0, second=0, microsecond=0)
        values = {"title": "Picnic", "starts_at": starts, "timezone": "Europe/Berlin", "location": "By the river"}
        return events.create(host, **values | fields)

    return make


@pytest.fixture
def make_community(host):
    def make(**fields):
        return communities.create(host, **{"name": "Bakers", "description": "Rye", "visibility": "public"} | fields)

    return make


@pytest.fixture
def deliver():
    return jobs.drain


@pytest.fixture
def posts(network, account):
    """The posts in the host's repository: rkey → {uri, cid, value}."""

    def read():
        found, cursor = {}, None
        with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=30, trust_env=False) as pds:
            while True:
                params = {"repo": account.did, "collection": POSTS, "limit": 100}
                page = pds.get("com.atproto.repo.listRecords", params=params | ({"cursor": cursor} if cursor else {}))
                found |= {one["uri"].rsplit("/", 1)[1]: one for one in page.json()["records"]}
                cursor = page.json().get("cursor")
                if not cursor:
                    return found

    return read
