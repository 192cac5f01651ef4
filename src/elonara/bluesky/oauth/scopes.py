"""Which scopes are requested, what a granted scope allows, and both in words for the status card.

Signing in requests `atproto` alone. Connecting requests reading the graph and writing posts at once, so that a later
switch of the write mode needs no second consent. A server may grant less than was requested, so every feature checks
the granted scope. Spec: https://atproto.com/specs/permission.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from urllib.parse import parse_qs, quote

from django.conf import settings
from django.utils.translation import gettext as _

BASE = "atproto"
TRANSITION = "transition:generic"
READS = (
    "app.bsky.graph.getFollowers",
    "app.bsky.graph.getFollows",
    "app.bsky.graph.getRelationships",
    "app.bsky.graph.getLists",
    "app.bsky.graph.getList",
    "app.bsky.actor.getProfiles",
    "app.bsky.actor.searchActorsTypeahead",
    "app.bsky.feed.getPostThread",
)
# The picker and the check before sending need these; lists and threads may be missing.
NEEDED_READS = frozenset({"app.bsky.graph.getFollowers", "app.bsky.graph.getFollows", "app.bsky.actor.getProfiles"})
LIST_READS = frozenset({"app.bsky.graph.getLists", "app.bsky.graph.getList"})
PERMISSIONS = frozenset({"repo", "rpc", "blob", "include"})  # resources that a permission can name
POST_WRITES = "repo:app.bsky.feed.post?action=create&action=delete"
IMAGES = "blob:image/*"


def sign_in() -> str:
    """The scope that proves a DID and allows nothing else."""
    return BASE


def connect() -> str:
    """The scope of Connect and Reauthorize by the settings: reading the graph and writing posts."""
    return families()[0]


def families() -> tuple[str, str]:
    """The two ways to ask for reading the graph and writing posts, that of the settings first.

    One names each permission, the other is `transition:generic`, from before there were permissions. They are never
    asked for together: servers refuse that, and the second would make the first pointless.
    """
    audience = quote(f"{settings.ELONARA.bluesky.appview_did}#bsky_appview", safe=":")
    reads = [f"rpc:{method}?aud={audience}" for method in READS]
    granular, transition = " ".join([BASE, *reads, POST_WRITES, IMAGES]), f"{BASE} {TRANSITION}"
    by_setting = settings.ELONARA.bluesky.scopes == "transition"
    return (transition, granular) if by_setting else (granular, transition)


def offers(supported: Collection[str], *, granted_nothing: bool = False) -> list[str]:
    """What Connect asks a server for whose metadata has these `scopes_supported`, and what if it does not know that.

    Permissions cannot be enumerated, so that none is listed says nothing (Bluesky's own server lists none); one that is
    listed does. `granted_nothing`: this server was asked for permissions before, and left all of them out.
    """
    first, second = families()
    names_permissions = any(re.split("[:?]", scope)[0] in PERMISSIONS for scope in supported)
    knows_transition = TRANSITION in supported
    if names_permissions and not knows_transition:
        return [one for one in (first, second) if not is_transition(one)]
    if granted_nothing and knows_transition and not names_permissions:
        return [one for one in (first, second) if is_transition(one)]
    return [first, second]


def is_transition(scope: str) -> bool:
    """Whether this scope asks by `transition:generic`."""
    return TRANSITION in scope.split()


def declared() -> str:
    """All scopes that the site ever requests, for the client metadata. A server refuses a scope that is not in it."""
    return " ".join(dict.fromkeys(" ".join(families()).split()))


def can_read_graph(granted: str) -> bool:
    """Whether the granted scope allows the reads that inviting needs, with the viewer's state."""
    scopes = granted.split()
    if BASE not in scopes:
        return False
    return TRANSITION in scopes or _granted_reads(scopes) >= NEEDED_READS


def can_read_lists(granted: str) -> bool:
    """Whether the granted scope allows reading the member's lists and who is on them."""
    scopes = granted.split()
    return BASE in scopes and (TRANSITION in scopes or _granted_reads(scopes) >= LIST_READS)


def can_write(granted: str) -> bool:
    """Whether the granted scope allows creating and deleting posts."""
    scopes = granted.split()
    if BASE not in scopes:
        return False
    return TRANSITION in scopes or {"create", "delete"} <= _granted_actions(scopes)


def can_upload(granted: str) -> bool:
    """Whether the granted scope allows uploading pictures."""
    scopes = granted.split()
    kinds = {value for scope in scopes if scope.startswith("blob") for value in _values(scope, "accept")}
    return TRANSITION in scopes or bool(kinds & {"image/*", "*/*", "image/jpeg"})


def in_words(granted: str) -> list[str]:
    """What the granted scope allows, one sentence for each permission, for the status card."""
    allowed = [_("Know your Bluesky address and ID")] if BASE in granted.split() else []
    if can_read_graph(granted):
        allowed.append(_("See who you follow and who follows you"))
    if can_read_lists(granted):
        allowed.append(_("See your lists on Bluesky"))
    if can_write(granted):
        allowed.append(_("Write and delete posts for you"))
    if can_upload(granted):
        allowed.append(_("Add pictures to those posts"))
    return allowed


def missing_in_words(granted: str) -> list[str]:
    """What Connect requests and the granted scope does not allow, in the same sentences."""
    return [permission for permission in in_words(connect()) if permission not in in_words(granted)]


def _granted_reads(scopes: Iterable[str]) -> set[str]:
    audience = f"{settings.ELONARA.bluesky.appview_did}#bsky_appview"
    return {
        method
        for scope in scopes
        if scope.startswith(("rpc:", "rpc?"))
        for method in _values(scope, "lxm")
        if {audience, "*"} & set(_parameters(scope).get("aud", []))
    }


def _granted_actions(scopes: Iterable[str]) -> set[str]:
    actions: set[str] = set()
    for scope in scopes:
        if scope.startswith(("repo:", "repo?")) and {"app.bsky.feed.post", "*"} & set(_values(scope, "collection")):
            # A repo permission that names no action allows all of them.
            actions |= set(_parameters(scope).get("action", ["create", "update", "delete"]))
    return actions


def _values(scope: str, name: str) -> list[str]:
    """The positional value of a scope (`rpc:<value>?…`), or else its parameter `name`."""
    head, _, _ = scope.partition("?")
    _, colon, value = head.partition(":")
    return [value] if colon else _parameters(scope).get(name, [])


def _parameters(scope: str) -> dict[str, list[str]]:
    return parse_qs(scope.partition("?")[2])
