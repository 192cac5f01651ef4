"""A clock that tests can set forward."""

from datetime import timedelta

from django.utils import timezone


class Clock:
    """Django's clock with an offset. The clocks of servers and of the database are not changed."""

    def __init__(self):
        self._now, self.ahead = timezone.now, timedelta()

    def now(self):
        return self._now() + self.ahead

    def pass_(self, **time):
        self.ahead += timedelta(**time)
