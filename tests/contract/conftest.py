"""Every test here runs against the real local network."""

from tests.networks import *  # noqa: F403
