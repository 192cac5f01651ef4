"""Rows about the site's own running: processes that work, errands that come back, letters that wait, counts."""

import uuid

from django.db import models

from elonara.bluesky.models import Leased


class Worker(models.Model):
    """A process that runs jobs, as long as it says so."""

    name = models.CharField(max_length=100, primary_key=True)  # host:pid
    engine = models.CharField(max_length=20)  # embedded | procrastinate
    version = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        app_label = "elonara"


class PeriodicTask(Leased):
    """Something that is done again and again: when it is due next, and how it went."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField()
    ran_at = models.DateTimeField(null=True, blank=True)
    seconds = models.FloatField(default=0)
    done = models.PositiveIntegerField(default=0)  # rows that it dealt with, the last time
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        app_label = "elonara"
        db_table = "elonara_errand"  # the name it had in 0.1.0


class CacheEntry(models.Model):
    """A value of the cache that all web processes share (`elonara.shared_cache`); in use on PostgreSQL alone."""

    key = models.CharField(max_length=64, primary_key=True)  # hashed
    value = models.TextField()  # JSON
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        app_label = "elonara"


class OutgoingEmail(Leased):
    """An e-mail on its way. Deleted when the mail server has taken it: it may hold a link that opens an account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message_enc = models.TextField()  # RFC 5322, sealed: sender, receivers, subject and body
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(db_index=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        db_table = "elonara_letter"  # the name it had in 0.1.0
