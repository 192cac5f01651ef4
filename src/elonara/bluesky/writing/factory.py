"""Which backend writes posts. Nothing else reads `bluesky.writes.mode`.

In legacy mode no write uses an OAuth token, with one exception: a member whose server knows no app passwords, and who
has consented (docs/decisions/0011-posts-by-oauth-with-consent.md). Here it is made, for her and for nobody else.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from django.conf import settings

from elonara.bluesky.app_password.app_passwords import relay_is_configured
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.writing.agent import BlueskyAgent
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

_substitute: BlueskyAgent | None = None


class BlueskyAgentFactory:
    """Makes the agent that the settings name, or a member's consent."""

    @staticmethod
    def make(member_id: int | None = None) -> BlueskyAgent:
        """The agent for `bluesky.writes.mode`, `legacy` by default, or `oauth`; for one member, or for any.

        Make one for each call: a member may consent, and withdraw that, between two posts.
        """
        if _substitute is not None:
            return _substitute
        if _all_by_oauth():
            return OAuthBlueskyAgent()
        if member_id is not None and oauth_posting.has_consented(member_id):
            return OAuthBlueskyAgent(by_consent=True)
        return LegacyBlueskyAgent()


def left_to_post() -> Literal["", "app_password", "approval"]:
    """What is left for a new host after she has connected, by the settings of this site, before she can post.

    `approval`: an app password, or the operator's approval to post from the site's own account.
    """
    if _all_by_oauth():
        return ""
    return "approval" if relay_is_configured() else "app_password"


def _all_by_oauth() -> bool:
    """Whether the mode is `oauth`; `legacy` is the other one, and the default."""
    return settings.ELONARA.bluesky.writes.mode == "oauth"


@contextlib.contextmanager
def use(agent: BlueskyAgent) -> Iterator[None]:
    """Make every thread write through this agent, for tests."""
    global _substitute  # noqa: PLW0603
    before, _substitute = _substitute, agent
    try:
        yield
    finally:
        _substitute = before
