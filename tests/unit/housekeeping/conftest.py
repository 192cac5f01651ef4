from tests.unit.bluesky.conftest import *  # noqa: F403
