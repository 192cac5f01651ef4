"""Events, their hosts, and RSVPs."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone as clock
from django.utils.translation import gettext_lazy as _

from elonara.communities.models import Community, Visibility
from elonara.search_columns import Searchable, SearchColumn


class Event(Searchable):
    """A gathering at a time and a place."""

    class Status(models.TextChoices):
        """Whether it takes place."""

        SCHEDULED = "scheduled"
        CANCELLED = "cancelled"

    class Attendance(models.TextChoices):
        """How guests come."""

        PLACE = "place"
        ONLINE = "online"
        BOTH = "both"  # each guest chooses

    class Mood(models.TextChoices):
        """What the drawn cover is like."""

        ANY = "any"
        CALM = "calm"
        LIVELY = "lively"
        EVENING = "evening"
        OUTDOORS = "outdoors"

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=120)
    description = models.TextField(max_length=5000, blank=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    # Whole days of its zone: from the first moment of the first to the one after the last, see `times.whole_days`.
    all_day = models.BooleanField(default=False, db_default=False)
    timezone = models.CharField(max_length=64)  # IANA name, of the place of the event
    location = models.CharField(max_length=300, blank=True)
    attendance = models.CharField(
        max_length=6, choices=Attendance, default=Attendance.PLACE, db_default=Attendance.PLACE
    )
    online_link = models.CharField(max_length=500, blank=True, db_default="")  # for who comes online: `location.py`
    visibility = models.CharField(max_length=8, choices=Visibility, default=Visibility.PUBLIC)
    status = models.CharField(max_length=10, choices=Status, default=Status.SCHEDULED)
    picture = models.ImageField(upload_to="events", blank=True)
    picture_alt = models.CharField(max_length=300, blank=True)
    # Of the cover (`covers.choice`), which an event without a picture has.
    mood = models.CharField(max_length=8, choices=Mood, default=Mood.ANY, db_default=Mood.ANY)
    cover_shift = models.PositiveSmallIntegerField(default=0, db_default=0)  # of copies: other colours
    # Its picture on other sites, and when it has to be made anew; None: it is that of now. See `share_pictures`.
    share_picture = models.FileField(upload_to="share", blank=True, db_default="")
    share_picture_due_at = models.DateTimeField(null=True, blank=True, default=clock.now)
    # People who can come, those whom guests bring included; null: no limit. See `guests.places`.
    capacity = models.PositiveIntegerField(null=True, blank=True)
    online_capacity = models.PositiveIntegerField(null=True, blank=True)  # the same for those who come online
    fills_by_itself = models.BooleanField(default=True, db_default=True)  # free places go to who waits
    offer_hours = models.PositiveSmallIntegerField(default=0, db_default=0)  # to accept one in; 0: given at once
    fill_cutoff_hours = models.PositiveSmallIntegerField(default=0, db_default=0)  # before the start: not any more
    plus_ones_allowed = models.PositiveSmallIntegerField(default=0)
    approval = models.BooleanField(default=False, db_default=False)  # hosts accept each guest: see `guests.approval`
    place_hidden = models.BooleanField(default=False, db_default=False)  # but from guests who come there
    answers_until = models.DateTimeField(null=True, blank=True)  # see `guests.closing`
    guest_list_hidden = models.BooleanField(default=False, db_default=False)  # from all but hosts: `guests.visible`
    count_hidden = models.BooleanField(default=False, db_default=False)
    community = models.ForeignKey(Community, on_delete=models.SET_NULL, null=True, blank=True, related_name="events")
    # Who answers for it: made it, or has taken it over from who did (`transfer.accept`).
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    # The event that this one repeats: its people are the first whom the host can pick (`again.create`).
    repeats = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    hidden_at = models.DateTimeField(null=True, blank=True)  # by an operator: only its hosts see it
    sequence = models.PositiveIntegerField(default=0)  # RFC 5545 SEQUENCE, see `actions.CALENDAR_FIELDS`
    cancel_word = models.CharField(max_length=500, blank=True, default="", db_default="")  # of the host, to the guests
    replies_to_host = models.BooleanField(default=False, db_default=False)  # e-mails to guests name her address
    # The starts for which reminders were written: one that is moved gets new ones (`messages.reminders`).
    day_reminder_for = models.DateTimeField(null=True, blank=True)
    hour_reminder_for = models.DateTimeField(null=True, blank=True)
    # What is left of answers whose deletion has begun (`housekeeping.guest_data`): choice → [answers, people].
    guest_totals = models.JSONField(null=True, blank=True)
    guest_data_deleted_at = models.DateTimeField(null=True, blank=True)  # all of it
    search_name = SearchColumn(of=("title",))
    # Not a hidden place: who finds an event by it would know it.
    search_text = SearchColumn(of=("title", "public_location", "description"), by=("location", "place_hidden"))

    class Meta:
        app_label = "elonara"
        indexes = [
            models.Index(fields=["visibility", "status", "starts_at"]),
            models.Index(fields=["status", "starts_at"], name="events_by_start"),
            models.Index(
                fields=["share_picture_due_at"],
                name="events_with_share_picture_due",
                condition=models.Q(share_picture_due_at__isnull=False),
            ),
            models.Index(
                fields=["starts_at"], name="events_with_guest_data", condition=models.Q(guest_data_deleted_at=None)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def comes_online(self, wanted: bool) -> bool:
        """Whether a guest who wants that comes online: the event may leave her no choice."""
        if self.attendance == Event.Attendance.BOTH:
            return wanted
        return self.attendance == Event.Attendance.ONLINE

    @property
    def public_location(self) -> str:
        """The place as anybody may read it who may see the event; "" where it is hidden."""
        return "" if self.place_hidden else self.location


class EventHost(models.Model):
    """A member who runs an event: its host, or a co-host once she has accepted. All of them may invite."""

    class Role(models.TextChoices):
        """Only the host chooses co-hosts and who may see the event."""

        HOST = "host", _("Host")
        COHOST = "cohost", _("Cohost")

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="hosts")
    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="hosting")
    role = models.CharField(max_length=6, choices=Role, default=Role.HOST)
    accepted_at = models.DateTimeField(null=True, blank=True)  # None of a co-host: asked, without any right
    declined_at = models.DateTimeField(null=True, blank=True)  # kept, so that nobody is asked twice

    class Meta:
        app_label = "elonara"
        constraints = [models.UniqueConstraint(fields=["event", "member"], name="one_role_per_host")]


def keep_answers_of_accounts(collector: Any, field: Any, rows: Any, using: str) -> None:
    """`on_delete` of an e-mail invitation: the answer goes with it, unless its guest is known otherwise as well.

    That is so after a merge; an invitation is deleted with the account of the host who wrote it.
    """
    known = models.Q(member__isnull=False) | ~models.Q(did="") | models.Q(added_by_host=True)
    models.SET_NULL(collector, field, rows.filter(known), using)
    models.CASCADE(collector, field, rows.exclude(known), using)


class Rsvp(models.Model):
    """The answer of one person: a member, somebody who proved an invited DID, or the reader of an e-mail invitation."""

    class Choice(models.TextChoices):
        """The possible answers."""

        GOING = "going"
        MAYBE = "maybe"
        CANT = "cant"
        WAITING = "waiting"  # pressed "going" when no place was free
        ASKED = "asked"  # pressed "going" where a host accepts each guest, and has not decided
        REFUSED = "refused"  # asked, and was declined
        OFFERED = "offered"  # a place is kept for who waited, until she takes it or the time runs out

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="answers")
    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="answers"
    )
    did = models.CharField(max_length=256, blank=True)
    # Set for somebody who answered by the link in that e-mail. Named as a string: events do not import invitations.
    email_invitation = models.OneToOneField(
        "elonara.EmailInvitation", on_delete=keep_answers_of_accounts, null=True, blank=True, related_name="given"
    )
    added_by_host = models.BooleanField(default=False, db_default=False)  # by name, so `name` is all that is known
    name = models.CharField(max_length=640, blank=True)
    handle = models.CharField(max_length=253, blank=True)
    choice = models.CharField(max_length=8, choices=Choice)
    waiting_since = models.DateTimeField(null=True, blank=True)  # the order of who waits; kept during an offer
    offered_until = models.DateTimeField(null=True, blank=True)
    offer_ended_at = models.DateTimeField(null=True, blank=True)  # when the last offer ran out
    online = models.BooleanField(default=False, db_default=False)  # how she comes
    plus_ones = models.PositiveSmallIntegerField(default=0)
    note = models.CharField(max_length=500, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)
    word = models.CharField(max_length=500, blank=True, db_default="")  # the host's, with her decision
    answered_at = models.DateTimeField(auto_now=True)
    note_is_new = False  # no column: `rsvps.respond` sets it where the note differs from the one before

    class Meta:
        app_label = "elonara"
        db_table = "elonara_answer"  # the name it had in 0.1.0
        indexes = [
            models.Index(fields=["did"], name="answers_of_a_did"),
            models.Index(
                fields=["event", "waiting_since"], name="answers_that_wait", condition=models.Q(choice="waiting")
            ),
            models.Index(fields=["offered_until"], name="offers_by_end", condition=models.Q(choice="offered")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["event", "member"], name="one_answer_per_member"),
            models.UniqueConstraint(fields=["event", "did"], condition=~models.Q(did=""), name="one_answer_per_did"),
            models.CheckConstraint(
                condition=models.Q(member__isnull=False)
                | ~models.Q(did="")
                | models.Q(email_invitation__isnull=False)
                | models.Q(added_by_host=True),
                name="answer_names_somebody",
            ),
        ]


class Question(models.Model):
    """Something that hosts ask every guest; see `guests.questions`."""

    class Kind(models.TextChoices):
        """What is answered."""

        TEXT = "text"
        CHOICE = "choice"  # one of `options`
        NUMBER = "number"
        YES_NO = "yesno"
        CHILDREN = "children"  # how many of the people whom a guest brings are children

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField()
    text = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.TEXT)
    options = models.JSONField(default=list, blank=True)
    required = models.BooleanField(default=False)
    retired_at = models.DateTimeField(null=True, blank=True)  # not asked any more, and kept with its answers

    class Meta:
        app_label = "elonara"

    def __str__(self) -> str:
        return self.text


class GivenAnswer(models.Model):
    """What one guest answered to one question."""

    rsvp = models.ForeignKey(Rsvp, on_delete=models.CASCADE, related_name="given_answers")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="given_answers")
    value = models.CharField(max_length=500)

    class Meta:
        app_label = "elonara"
        constraints = [models.UniqueConstraint(fields=["rsvp", "question"], name="one_answer_to_a_question")]
