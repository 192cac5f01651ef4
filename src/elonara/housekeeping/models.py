"""Rows about the running site: processes that run jobs, periodic tasks, the queue of e-mails, the shared cache."""

import uuid

from django.db import models

from elonara.bluesky.models import Leased


class Worker(models.Model):
    """A process that runs jobs. It updates `seen_at` every few seconds and deletes its row when it ends."""

    name = models.CharField(max_length=100, primary_key=True)  # host:pid
    engine = models.CharField(max_length=20)  # embedded | procrastinate
    version = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()  # by the database's clock
    clock_ahead = models.FloatField(default=0)  # seconds by which its clock is ahead of the database's
    held = models.CharField(max_length=20, blank=True)  # why it takes no work: a code of `words.HELD`

    class Meta:
        app_label = "elonara"


class ProcessCounts(models.Model):
    """What a process has counted since it started (`elonara.counters`). Web processes have one too."""

    name = models.CharField(max_length=100, primary_key=True)  # host:pid
    counts = models.TextField()  # JSON
    seen_at = models.DateTimeField()  # by the database's clock

    class Meta:
        app_label = "elonara"


class PeriodicTask(Leased):
    """When a periodic task is due next, and how its last run went."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField()
    ran_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0)
    done = models.PositiveIntegerField(default=0)  # rows that the last run dealt with
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        app_label = "elonara"
        db_table = "elonara_errand"  # the name it had in 0.1.0


class GuestDataNotice(models.Model):
    """Operators were told that what is known of the guests of past events will be deleted. At most one row."""

    told_at = models.DateTimeField()
    days = models.PositiveIntegerField()  # after the end of an event, as they were told

    class Meta:
        app_label = "elonara"


class CacheEntry(models.Model):
    """An entry of the cache that all web processes share (`elonara.shared_cache`); used on PostgreSQL only."""

    key = models.CharField(max_length=64, primary_key=True)  # hashed
    value = models.TextField()  # JSON
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "elonara"


class OutgoingEmail(Leased):
    """A queued e-mail. Deleted once the mail server has accepted it: it may contain a link that opens an account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message_enc = models.TextField()  # RFC 5322, sealed: sender, receivers, subject and body
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        db_table = "elonara_letter"  # the name it had in 0.1.0
