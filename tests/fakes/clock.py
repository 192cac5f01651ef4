"""Time that a test sets forward."""

from datetime import timedelta

from django.utils import timezone


class Clock:
    """Django's clock, which can be set forward; those of servers and of the database stay where they are."""

    def __init__(self):
        self._now, self.ahead = timezone.now, timedelta()

    def now(self):
        return self._now() + self.ahead

    def pass_(self, **time):
        self.ahead += timedelta(**time)
