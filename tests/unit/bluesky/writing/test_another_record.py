"""A post stands at the key of its row: an answer about anything else says nothing about it.

Both agents, at a PDS with its authorization server, which can be made to answer about another record.
"""

import json
import secrets
import time

import pytest
from tests.fakes.bluesky import PDS, Bluesky
from tests.fakes.oauth import answer

from elonara.bluesky import network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.writing.agent import POSTS
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

KEY, OTHER = "3kznmn7xqxl22", "3kznmn7xqxl23"
POST = {"text": "You're invited", "langs": ["en"]}
STRANGER = "did:plc:strangerrrrrrrrrrrrrrrrr"


@pytest.fixture
def world(bluesky):
    found = Bluesky(time.time)
    with network.use(found, dns=found.dns):
        yield found


@pytest.fixture
def account(world, member):
    """The member's account, connected by OAuth and by app password."""
    found, browser = world.account("alice.example.com"), secrets.token_hex(8)
    service = BlueskyOAuthService()
    url = service.begin("connect", found.handle, member=member, browser=browser, confirmed=True)
    service.finish(world.server.approve(url, found.did), browser=browser)
    app_passwords.connect(member, "", found.app_password)
    return found


@pytest.fixture(params=[OAuthBlueskyAgent, LegacyBlueskyAgent])
def agent(request):
    return request.param()


@pytest.fixture
def about(world):
    """Makes the PDS answer about another record: `about(uri)`; it still does what it is asked."""

    def lie(uri):
        honest = world.origins[PDS]

        def serve(request):
            response = honest(request)
            if request.path.endswith(("createRecord", "getRecord")) and response.status == 200:
                return answer(200, json.dumps(response.json() | {"uri": uri}).encode())
            return response

        world.origins[PDS] = serve

    return lie


def wrong_uris(did):
    return [
        f"at://{did}/{POSTS}/{OTHER}",
        f"at://{STRANGER}/{POSTS}/{KEY}",
        f"at://{did}/app.bsky.feed.repost/{KEY}",
        f"at://{did}/{POSTS}/{KEY}/",
        f"at://{did}/{POSTS}/{KEY}\n",
        f"AT://{did}/{POSTS}/{KEY}",
        "",
        None,
        [f"at://{did}/{POSTS}/{KEY}"],
    ]


@pytest.mark.parametrize("which", range(9))
def test_a_response_about_another_record_is_refused(agent, account, member, about, world, which):
    about(wrong_uris(account.did)[which])
    created = agent.create_post_for_member(member.pk, POST, author_did=account.did, rkey=KEY)
    # It may stand, so nobody is told that it does not, and its key is read before anything else.
    assert (created.success, created.ambiguous, created.uri) == (False, True, "")
    found = agent.find_post(member.pk, account.did, KEY)
    assert (found.success, found.absent) == (False, False)
    assert len(world.pds.records) == 1


def test_a_post_is_written_at_the_key_of_its_row(agent, account, member, world):
    first = agent.create_post_for_member(member.pk, POST, author_did=account.did, rkey=KEY)
    assert first.uri == f"at://{account.did}/{POSTS}/{KEY}"
    # A second attempt, as after a lost response, meets the first one's record.
    again = agent.create_post_for_member(member.pk, POST, author_did=account.did, rkey=KEY)
    assert (again.success, again.ambiguous) == (False, True)
    assert list(world.pds.records) == [(account.did, POSTS, KEY)]
    assert agent.find_post(member.pk, account.did, KEY).cid == first.cid
