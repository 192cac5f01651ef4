"""The people who have an account here."""

import uuid
from typing import ClassVar, Final

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from elonara.search_columns import Searchable, SearchColumn

# The display name of the account that stands for all who deleted theirs; translated where it is shown.
FORMER_MEMBER: Final = gettext_noop("A former member")


def shown_name(display_name: str, username: str) -> str:
    """The name shown to other people: the display name, else the username."""
    if display_name == FORMER_MEMBER:
        return _(FORMER_MEMBER)
    return display_name or username


class Member(Searchable, AbstractUser):
    """Somebody with an account. `id` is the `member_id` of the API and of `MemberIdentity`."""

    class Standing(models.TextChoices):
        """Whether the operator lets this member act."""

        ACTIVE = "active", gettext_lazy("Active")
        PENDING = "pending", gettext_lazy("Pending")  # signed up in mode "approval", waits for the operator
        SUSPENDED = "suspended", gettext_lazy("Suspended")

    class Theme(models.TextChoices):
        """The colour theme, chosen in the footer."""

        SYSTEM = "system", gettext_lazy("System")
        LIGHT = "light", gettext_lazy("Light")
        DARK = "dark", gettext_lazy("Dark")

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    display_name = models.CharField(max_length=64, blank=True)
    bio = models.CharField(max_length=500, blank=True)
    timezone = models.CharField(max_length=64, blank=True)
    theme = models.CharField(max_length=8, choices=Theme, default=Theme.SYSTEM)
    standing = models.CharField(max_length=10, choices=Standing, default=Standing.ACTIVE)
    # When she was asked for an e-mail address, which happens once (`invitations.guest_emails.asking`).
    asked_for_address_at = models.DateTimeField(null=True, blank=True)
    # Incremented to end every API token and session of the member (password change, suspension).
    token_epoch = models.PositiveIntegerField(default=0)
    search_text = SearchColumn(of=("display_name", "username"))

    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        app_label = "elonara"

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name shown to other people: the display name, else the username."""
        return shown_name(self.display_name, self.username)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Contains the epoch, so that incrementing it ends every session at its next request.
        session_hash: str = super()._get_session_auth_hash(secret=secret)  # type: ignore[misc]
        return f"{session_hash}.{self.token_epoch}"


class Notice(models.Model):
    """A message shown on the member's pages until dismissed. Members need not have an e-mail address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=40)  # one open notice per member and kind
    text = models.CharField(max_length=500)
    link = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        indexes = [models.Index(fields=["dismissed_at"], name="notices_by_dismissal")]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "kind"], condition=models.Q(dismissed_at=None), name="one_open_notice_per_kind"
            )
        ]


class Creation(models.Model):
    """That a member created something, kept for a day: see `daily_limits`. It stays what becomes of the thing."""

    class Kind(models.TextChoices):
        EVENT = "event"
        COMMUNITY = "community"

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20, choices=Kind)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        app_label = "elonara"


class AuditEntry(models.Model):
    """What somebody with power over others did. Written by `audit.record` alone, read by operators, never changed."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    by = models.ForeignKey(Member, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    who = models.CharField(max_length=150)  # the username at that time, or "command line"
    what = models.CharField(max_length=40)  # a code of `audit.WORDS`
    subject = models.CharField(max_length=200)  # on what, such as "event winter-picnic"
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        app_label = "elonara"
        verbose_name_plural = gettext_lazy("audit log")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.who}: {self.what} {self.subject}"


class OneTimeLink(models.Model):
    """A link that works once; so far only the first operator's. Only a hash of its token is stored."""

    token_hash = models.CharField(max_length=64, primary_key=True)
    purpose = models.CharField(max_length=20)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
