"""Alice, whom guests answer, and a mail server that is fake."""

from tests.unit.invitations.conftest import *  # noqa: F403
from tests.unit.invitations.email.conftest import *  # noqa: F403
