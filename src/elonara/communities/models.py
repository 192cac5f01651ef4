"""Communities and who belongs to them."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from elonara.search_columns import Searchable, SearchColumn


class Visibility(models.TextChoices):
    """Who may see a community or an event."""

    PUBLIC = "public"
    PRIVATE = "private"


class Joining(models.TextChoices):
    """How somebody without an invitation joins a community that everybody may see."""

    OPEN = "open"
    REQUEST = "request"  # asks, and is accepted or declined by its admins and moderators


class Community(Searchable):
    """A lasting group of people."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(max_length=5000, blank=True)
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.PUBLIC)
    joining = models.CharField(max_length=7, choices=Joining, default=Joining.OPEN, db_default=Joining.OPEN)
    members_add_events = models.BooleanField(default=False, db_default=False)  # else admins and moderators alone
    picture = models.ImageField(upload_to="communities", blank=True)
    picture_alt = models.CharField(max_length=300, blank=True)
    # Who answers for it: made it, or has taken it over from who did (`transfer.accept`).
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    hidden_at = models.DateTimeField(null=True, blank=True)  # by an operator: nobody but its admins sees it
    search_name = SearchColumn(of=("name",))
    search_text = SearchColumn(of=("name", "description"))

    class Meta:
        app_label = "elonara"
        verbose_name_plural = "communities"

    def __str__(self) -> str:
        return self.name


class Membership(Searchable):
    """A person in a community: a member of the site, or somebody without an account who proved an invited DID."""

    class Role(models.TextChoices):
        """What the person may do; admins and moderators may invite."""

        ADMIN = "admin", _("Admin")
        MODERATOR = "moderator", _("Moderator")
        MEMBER = "member", _("Member")

    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="memberships")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="memberships"
    )
    did = models.CharField(max_length=256, blank=True)  # "" for a member without a Bluesky account
    name = models.CharField(max_length=640, blank=True)  # from the DID's profile, for people without an account
    handle = models.CharField(max_length=253, blank=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.MEMBER)
    joined_at = models.DateTimeField(auto_now_add=True)
    search_text = SearchColumn(of=("name", "handle"))

    class Meta:
        app_label = "elonara"
        indexes = [models.Index(fields=["did"], name="memberships_of_a_did")]
        constraints = [
            models.UniqueConstraint(fields=["community", "member"], name="one_membership_per_member"),
            models.UniqueConstraint(
                fields=["community", "did"], condition=~models.Q(did=""), name="one_membership_per_did"
            ),
            models.CheckConstraint(
                condition=models.Q(member__isnull=False) | ~models.Q(did=""), name="membership_names_somebody"
            ),
        ]


class JoinRequest(models.Model):
    """A member asks to join a community. The rows stay: who was declined cannot ask again."""

    class Outcome(models.TextChoices):
        """How it ended; "" while it waits for an admin or a moderator."""

        OPEN = ""
        ACCEPTED = "accepted"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"
        ENDED = "ended"  # with the community, before anybody decided

    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="join_requests")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    word = models.CharField(max_length=500, blank=True)  # of who asks
    asked_at = models.DateTimeField(auto_now_add=True)
    outcome = models.CharField(max_length=9, choices=Outcome, blank=True, default=Outcome.OPEN, db_default="")
    answer = models.CharField(max_length=300, blank=True)  # of who decided
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.UniqueConstraint(
                fields=["community", "member"], condition=models.Q(outcome=""), name="one_open_request_to_join"
            )
        ]


class Removal(models.Model):
    """Somebody was removed from a community, and does not come back until an admin or a moderator lets her."""

    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="removals")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    did = models.CharField(max_length=256, blank=True)  # "" for a member without a Bluesky account
    name = models.CharField(max_length=640, blank=True)  # as in her membership
    handle = models.CharField(max_length=253, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    removed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "elonara"
        indexes = [models.Index(fields=["did"], name="removals_of_a_did")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(member__isnull=False) | ~models.Q(did=""), name="removal_names_somebody"
            )
        ]


class Transfer(models.Model):
    """Somebody who runs an event or a community asks a member to take it over. The rows stay: who said no is kept."""

    class Outcome(models.TextChoices):
        """How it ended; "" while it waits for the member."""

        OPEN = ""
        ACCEPTED = "accepted"
        DECLINED = "declined"
        TAKEN_BACK = "taken_back"

    event = models.ForeignKey(
        "elonara.Event", on_delete=models.CASCADE, null=True, blank=True, related_name="transfers"
    )
    community = models.ForeignKey(Community, on_delete=models.CASCADE, null=True, blank=True, related_name="transfers")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True, default=Outcome.OPEN, db_default="")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        constraints = [
            models.UniqueConstraint(fields=["event"], condition=models.Q(outcome=""), name="one_transfer_of_an_event"),
            models.UniqueConstraint(
                fields=["community"], condition=models.Q(outcome=""), name="one_transfer_of_a_community"
            ),
            models.CheckConstraint(
                condition=models.Q(event__isnull=False, community=None) | models.Q(event=None, community__isnull=False),
                name="transfer_of_one_thing",
            ),
        ]
