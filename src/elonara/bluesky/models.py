"""The tables about Bluesky accounts: identities and sessions, authorization requests, nonces, keys, lanes.

Every `*_enc` column holds a value of `elonara.sealing` whose associated data names the column, the row's
UUID and the DID, so that a sealed value cannot be moved to another place.
"""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy

MAX_SPACING = timedelta(minutes=10)  # a wait for the next post that is longer is shown as a pause


class Leased(models.Model):
    """A row that one process at a time may refresh: a lease with a fence (see `elonara.locks`)."""

    lease_owner = models.CharField(max_length=64, blank=True)
    lease_fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    # Committed before a refresh token is sent: where it is still set, the token may have been used.
    attempt_started_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class MemberIdentity(Leased):
    """Which DID a member has proved, and her OAuth session if she connected.

    Signing in makes a row without tokens (state `revoked`, reason `not_connected`), which is only a way to sign in.
    """

    class State(models.TextChoices):
        """Whether the OAuth session can be used."""

        ACTIVE = "active"
        NEEDS_REAUTH = "needs_reauth"
        REVOKED = "revoked"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="bluesky")
    bsky_did = models.CharField(max_length=256, unique=True)
    bsky_handle = models.CharField(max_length=253)
    display_name = models.CharField(max_length=640, blank=True)
    avatar_url = models.URLField(max_length=1000, blank=True)
    # When the public profile is to be read next; null: never, as there is no session.
    profile_due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    bsky_access_token_enc = models.TextField(blank=True)
    bsky_refresh_token_enc = models.TextField(blank=True)
    bsky_scope = models.TextField(blank=True)  # the granted scope, not the requested one
    # The issuer that granted nothing but `atproto` when it was asked for permissions, which it then does not know.
    no_permissions_issuer = models.CharField(max_length=500, blank=True, default="", db_default="")
    bsky_token_expires_at = models.DateTimeField(null=True, blank=True)
    dpop_key_enc = models.TextField(blank=True)
    pds_url = models.CharField(max_length=500, blank=True)
    issuer = models.CharField(max_length=500, blank=True)
    client_id = models.TextField(blank=True)
    assertion_kid = models.CharField(max_length=64, blank=True)  # "" for the loopback client
    state = models.CharField(max_length=12, choices=State, default=State.REVOKED)
    state_reason = models.CharField(max_length=60, default="not_connected")
    # An idle session is not refreshed before this time; null: no attempt has failed.
    renew_due_at = models.DateTimeField(null=True, blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)
    session_ends_at = models.DateTimeField(null=True, blank=True)  # loopback: two weeks; confidential: two years
    # The PDS that opened the whole account for an app password, "" where none did, and since when the member lets this
    # site post by her OAuth session for that reason (`identity.oauth_posting`).
    full_access_pds = models.CharField(max_length=500, blank=True, default="", db_default="")
    posts_by_oauth_since = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        verbose_name_plural = gettext_lazy("member identities")
        indexes = [models.Index(fields=["state", "bsky_token_expires_at"], name="identities_by_expiry")]


class AppPasswordSession(Leased):
    """The app password a member (or the operator, for the relay) gave us, and its current session."""

    class State(models.TextChoices):
        """Whether the PDS still accepts the password."""

        ACTIVE = "active"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    did = models.CharField(max_length=256, unique=True)
    handle = models.CharField(max_length=253)
    member = models.OneToOneField(  # null: the relay account
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="app_password"
    )
    app_password_enc = models.TextField()
    access_jwt_enc = models.TextField(blank=True)
    refresh_jwt_enc = models.TextField(blank=True)
    access_expires_at = models.DateTimeField(null=True, blank=True)
    renew_due_at = models.DateTimeField(null=True, blank=True)  # as in MemberIdentity
    pds_url = models.CharField(max_length=500)
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE)
    state_reason = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"


class AuthorizationPurpose(models.TextChoices):
    """Why the authorization was requested."""

    SIGN_IN = "sign_in"
    HOST = "host"  # a visitor signs in to invite people: Connect's permissions in the same consent
    CONNECT = "connect"
    REAUTHORIZE = "reauthorize"
    PROVE = "prove"  # an invitee proves a DID, to respond or to opt out
    VERIFY = "verify"  # a signed-in member proves her DID once more, before she changes how she signs in


class AuthorizationRequest(models.Model):
    """An authorization request in progress: stored when it begins, consumed once by the callback."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state_hash = models.CharField(max_length=64, unique=True)  # SHA-256, hex, of `state` (RFC 6749)
    browser_hash = models.CharField(max_length=64)  # of a random value kept in the browser session
    purpose = models.CharField(max_length=12, choices=AuthorizationPurpose)
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True)
    expected_did = models.CharField(max_length=256, blank=True)  # "" where it began with a server's name
    handle = models.CharField(max_length=253, blank=True)
    issuer = models.CharField(max_length=500)
    pds_url = models.CharField(max_length=500, blank=True)
    redirect_uri = models.CharField(max_length=500)
    client_id = models.TextField()
    assertion_kid = models.CharField(max_length=64, blank=True)
    scope = models.TextField()
    verifier_enc = models.TextField()  # "" after it expired, or was consumed
    dpop_key_enc = models.TextField()  # "" after it expired without tokens
    confirmed = models.BooleanField(default=False)  # the member asked for the link by a POST with CSRF
    next = models.CharField(max_length=500, blank=True)
    payload = models.JSONField(default=dict, blank=True)  # the pending action, applied after the proof
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    consumed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        indexes = [models.Index(fields=["expires_at"], name="requests_by_expiry")]


class DpopNonce(models.Model):
    """The last DPoP nonce of one origin for one key (RFC 9449, section 8). Not secret; stored apart from the tokens."""

    key_thumbprint = models.CharField(max_length=64)
    origin = models.CharField(max_length=300)
    nonce = models.CharField(max_length=500)
    seen_at = models.DateTimeField()

    class Meta:
        app_label = "elonara"
        constraints = [
            models.UniqueConstraint(fields=["key_thumbprint", "origin"], name="one_nonce_per_key_and_origin")
        ]
        indexes = [models.Index(fields=["seen_at"], name="nonces_by_age")]


class AssertionKey(models.Model):
    """A client authentication key (`private_key_jwt`). A retired one stays in the JWKS until no session uses it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kid = models.CharField(max_length=64, unique=True)
    key_enc = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"


class ActorView(models.Model):
    """A cached profile of one person as one member sees them. Deleted when the member disconnects."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    did = models.CharField(max_length=256)
    person = models.JSONField()  # elonara.bluesky.graph.service.Person as a dict
    checked_at = models.DateTimeField()

    class Meta:
        app_label = "elonara"
        constraints = [models.UniqueConstraint(fields=["member", "did"], name="one_view_per_member_and_did")]
        indexes = [models.Index(fields=["checked_at"], name="views_by_age")]


class AccountLane(models.Model):
    """One account, one worker: whoever has this row's lease (`elonara.locks`) writes the posts of this author."""

    author_did = models.CharField(max_length=256, primary_key=True)
    owner = models.CharField(max_length=64, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)  # spacing: no post before this time
    paused_until = models.DateTimeField(null=True, blank=True)  # after a 429: until `ratelimit-reset`
    pause_reason = models.CharField(max_length=60, blank=True)
    # What its server takes of a post's text where that is less than the lexicon allows (`rich_text.TextLimit`), or "".
    text_limit = models.CharField(max_length=30, blank=True, default="", db_default="")

    class Meta:
        app_label = "elonara"

    def rests_until(self, now: datetime) -> datetime | None:
        """Until when this account writes nothing, for a pause or a long wait; None where posts are only spaced."""
        only_spaced = self.next_at is None or self.next_at < now + MAX_SPACING
        times = [self.paused_until, None if only_spaced else self.next_at]
        return max((time for time in times if time is not None and time > now), default=None)


class PdsHost(models.Model):
    """A PDS that the whole site must leave alone for a while: it counts requests by our address, not by account."""

    origin = models.CharField(max_length=300, primary_key=True)
    paused_until = models.DateTimeField()
    reason = models.CharField(max_length=60)

    class Meta:
        app_label = "elonara"
