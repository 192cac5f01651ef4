"""Which backend writes is decided in one place, and only the two backends create records."""

import ast
import dataclasses
from functools import cache
from pathlib import Path

import pytest
from django.utils import timezone

import elonara
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.writing import factory
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent
from elonara.config.options import Options, Writes

SOURCES = sorted(Path(elonara.__file__).parent.rglob("*.py"))
CREATE = "com.atproto.repo.createRecord"


def name_of(path):
    return path.relative_to(Path(elonara.__file__).parent).as_posix()


@cache
def nodes(path):
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def strings(path):
    """The string constants in the code of a file, without its docstrings."""
    docs = {
        id(node.body[0].value)
        for node in nodes(path)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body
        if isinstance(node.body[0], ast.Expr)
    }
    return [
        node.value
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


def test_legacy_is_the_default():
    assert Options().bluesky.writes.mode == "legacy"


@pytest.mark.parametrize(("mode", "kind"), [("legacy", LegacyBlueskyAgent), ("oauth", OAuthBlueskyAgent)])
def test_one_setting_chooses_the_backend(bluesky, mode, kind):
    bluesky(writes=Writes(mode=mode))
    assert isinstance(BlueskyAgentFactory.make(), kind)


def test_a_member_without_consent_gets_the_backend_of_the_mode(bluesky, connected, member):
    bluesky(writes=Writes(mode="legacy"))
    assert isinstance(BlueskyAgentFactory.make(member.pk), LegacyBlueskyAgent)
    # Neither a consent to another server nor a server without app passwords alone is enough.
    MemberIdentity.objects.update(full_access_pds=connected.pds_url)
    assert isinstance(BlueskyAgentFactory.make(member.pk), LegacyBlueskyAgent)
    MemberIdentity.objects.update(full_access_pds="https://old.example", posts_by_oauth_since=timezone.now())
    assert isinstance(BlueskyAgentFactory.make(member.pk), LegacyBlueskyAgent)
    MemberIdentity.objects.update(full_access_pds="", pds_url="")
    assert isinstance(BlueskyAgentFactory.make(member.pk), LegacyBlueskyAgent)


def test_consent_chooses_oauth_for_that_member_alone(bluesky, connected, member, make_member):
    bluesky(writes=Writes(mode="legacy"))
    MemberIdentity.objects.update(full_access_pds=connected.pds_url)
    oauth_posting.consent(member, connected.bsky_did)
    assert isinstance(BlueskyAgentFactory.make(member.pk), OAuthBlueskyAgent)
    assert isinstance(BlueskyAgentFactory.make(make_member().pk), LegacyBlueskyAgent)
    assert isinstance(BlueskyAgentFactory.make(), LegacyBlueskyAgent)
    oauth_posting.withdraw(member)
    assert isinstance(BlueskyAgentFactory.make(member.pk), LegacyBlueskyAgent)


def test_consent_is_asked_for_in_the_factory_and_at_the_request_alone():
    """Who else decided by it could let a post go by OAuth past the factory. (The page shows it: `consent_stands`.)"""
    readers = {
        name_of(path)
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr == "has_consented"
    }
    assert readers == {"bluesky/writing/credentials.py", "bluesky/writing/factory.py"}
    makers = [
        name_of(path)
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Call) and any(given.arg == "by_consent" for given in node.keywords)
    ]
    assert makers == ["bluesky/writing/factory.py"]


def test_the_mode_is_read_in_the_factory_alone():
    readers = [
        name_of(path)
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr == "mode" and isinstance(node.value, ast.Attribute)
        if node.value.attr == "writes"
    ]
    assert readers == ["bluesky/writing/factory.py"]
    others = [name_of(path) for path in SOURCES if any("writes.mode" in text for text in strings(path))]
    assert others == []


def test_the_settings_of_writing_are_not_kept_under_another_name():
    holders = [
        name_of(path)
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr == "writes" and "bluesky" in ast.unparse(node.value).lower()
    ]
    assert holders == ["bluesky/writing/factory.py"]


def test_records_are_created_in_the_two_agents_alone():
    # atproto/error_responses.py names the method to tell one refusal from another; it calls nothing.
    callers = [name_of(path) for path in SOURCES if CREATE in strings(path)]
    assert sorted(callers) == [
        "atproto/error_responses.py",
        "bluesky/writing/legacy_agent.py",
        "bluesky/writing/oauth_agent.py",
    ]
    others = {"com.atproto.repo.putRecord", "com.atproto.repo.applyWrites"}
    assert [name_of(path) for path in SOURCES if others & set(strings(path))] == []


def test_a_test_can_substitute_the_agent():
    agent = LegacyBlueskyAgent()
    with factory.use(agent):
        assert BlueskyAgentFactory.make() is agent
    assert BlueskyAgentFactory.make() is not agent


def test_options_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Options().bluesky.writes.mode = "oauth"
