"""Which backend writes posts. Nothing else reads `bluesky.writes.mode`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.conf import settings

from elonara.bluesky.writing.agent import BlueskyAgent
from elonara.bluesky.writing.legacy_agent import LegacyBlueskyAgent
from elonara.bluesky.writing.oauth_agent import OAuthBlueskyAgent

_substitute: BlueskyAgent | None = None


class BlueskyAgentFactory:
    """Makes the agent that the settings name."""

    @staticmethod
    def make() -> BlueskyAgent:
        """The agent for `bluesky.writes.mode`: `legacy` by default, or `oauth`."""
        if _substitute is not None:
            return _substitute
        match settings.ELONARA.bluesky.writes.mode:
            case "oauth":
                return OAuthBlueskyAgent()
            case _:
                return LegacyBlueskyAgent()


@contextlib.contextmanager
def use(agent: BlueskyAgent) -> Iterator[None]:
    """Make every thread write through this agent, for tests."""
    global _substitute  # noqa: PLW0603
    before, _substitute = _substitute, agent
    try:
        yield
    finally:
        _substitute = before
