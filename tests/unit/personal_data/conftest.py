"""Alice's site with guests of every sort, as in the tests of what guests are told."""

from tests.unit.invitations.conftest import *  # noqa: F403
from tests.unit.invitations.guest_emails.conftest import *  # noqa: F403
