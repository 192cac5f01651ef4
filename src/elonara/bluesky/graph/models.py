"""The stored graph: whom a member knows on Bluesky. A cache with a visible age, deleted when she disconnects."""

from django.conf import settings
from django.db import models

from elonara.bluesky.models import Leased


class StoredGraph(Leased):
    """The graph of one member: how far its synchronization is, and the counts of its lists.

    `member` is null once she has disconnected or was deleted: a job then deletes its people in small batches.
    """

    class State(models.TextChoices):
        """What the synchronization is doing."""

        RUNNING = "running"  # due, or under way
        DONE = "done"  # until `due_at`
        FAILED = "failed"  # `reason` says why; tried again at `due_at`

    class Side(models.TextChoices):
        """Which list is being read. Followers come first: most hosts invite them."""

        FOLLOWERS = "followers"
        FOLLOWS = "follows"
        GONE = "gone"  # both were read to their ends: who was in neither any more is looked for

    id = models.AutoField(primary_key=True)
    member = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="stored_graph"
    )
    bsky_did = models.CharField(max_length=256)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    reason = models.CharField(max_length=60, blank=True)  # a code of `graph.failures`, while a sync has failed
    failures = models.PositiveSmallIntegerField(default=0)  # in a row
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)  # null: never
    # The pass under way. A full one reads both lists to their ends; the others end at a wholly known page.
    full = models.BooleanField(default=True)
    pass_number = models.PositiveIntegerField(default=1)  # of full passes
    side = models.CharField(max_length=9, choices=Side, default=Side.FOLLOWERS)
    cursor = models.TextField(blank=True)  # the next page of `side`; "": its first
    read = models.PositiveIntegerField(default=0)  # people read in this pass, both lists
    expected = models.PositiveIntegerField(null=True, blank=True)  # what the profile counts, both lists; null: unknown
    known = models.BooleanField(default=False)  # blocks and mutes came with the last page
    place = models.IntegerField(default=0)  # the position in `side` that was given last, in this pass
    next_serial = models.IntegerField(null=True, blank=True)  # of the next new person; null: this pass found none yet
    started_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)  # when a pass last ended
    full_read_at = models.DateTimeField(null=True, blank=True)  # when a full pass last ended
    # New people get numbers below the lowest (newer than all) or above the highest one (older than all).
    lowest_serial = models.IntegerField(default=0)
    highest_serial = models.IntegerField(default=0)
    followers = models.PositiveIntegerField(default=0)  # stored people who follow the member
    follows = models.PositiveIntegerField(default=0)  # whom she follows
    mutuals = models.PositiveIntegerField(default=0)  # both
    known_people = models.PositiveIntegerField(default=0)  # either
    conversations = models.PositiveIntegerField(default=0)  # whom she talks with
    # Lists and conversations are read by their own jobs, at their own times.
    lists_due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    lists_read_at = models.DateTimeField(null=True, blank=True)
    talks_due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    talks_read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"


class KnownPerson(models.Model):
    """One person as one member knows them. A row is written by one statement for many people, see `graph.store`.

    `rank` orders people and holds the graph: `graph << 34 | class << 32 | serial + 2**31`, where the class is 0 for
    mutuals, 1 for other followers, 2 for others whom the member follows, 3 for the rest, and a lower serial is a newer
    acquaintance. The search index (`graph.search_index`) is kept by the database itself for `rank` and `text`.
    """

    graph = models.ForeignKey(StoredGraph, on_delete=models.DO_NOTHING, related_name="people", db_index=False)
    did = models.CharField(max_length=256)
    handle = models.CharField(max_length=253)
    display_name = models.CharField(max_length=640, blank=True)
    avatar = models.CharField(max_length=1000, blank=True)
    text = models.TextField()  # folding.index_text of name and handle
    sort_name = models.CharField(max_length=100)  # the folded name, or the handle where there is none
    rank = models.BigIntegerField(unique=True)
    serial = models.IntegerField()
    follows_you = models.BooleanField(default=False)
    you_follow = models.BooleanField(default=False)
    blocked_by = models.BooleanField(default=False)
    blocking = models.BooleanField(default=False)
    muted = models.BooleanField(default=False)
    known = models.BooleanField(default=False)  # blocks and mutes were known
    gone = models.CharField(max_length=12, blank=True)  # as in `identity.people.Person`
    # The place in the order of following, the newest first; null: not read in that list yet.
    follower_position = models.IntegerField(null=True, blank=True)
    follow_position = models.IntegerField(null=True, blank=True)
    # The full pass in which each list last showed them; 0: none.
    follower_pass = models.PositiveIntegerField(default=0)
    follow_pass = models.PositiveIntegerField(default=0)
    talked = models.PositiveIntegerField(default=0)  # posts of the member to them, among her last ones
    talked_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        app_label = "elonara"
        constraints = [models.UniqueConstraint(fields=["graph", "did"], name="one_row_per_graph_and_did")]
        indexes = [
            models.Index(
                fields=["graph", "follower_position"],
                name="people_followers",
                condition=models.Q(follower_position__isnull=False),
            ),
            models.Index(
                fields=["graph", "follow_position"],
                name="people_follows",
                condition=models.Q(follow_position__isnull=False),
            ),
            # The shift leaves the graph and the class.
            models.Index(models.F("rank").bitrightshift(32), "sort_name", "id", name="people_by_name"),
            models.Index(fields=["graph", "-talked"], name="people_talked", condition=models.Q(talked__gt=0)),
        ]


class KnownList(models.Model):
    """One of the member's lists on Bluesky (curate lists)."""

    graph = models.ForeignKey(StoredGraph, on_delete=models.DO_NOTHING, related_name="lists")
    uri = models.CharField(max_length=500)
    name = models.CharField(max_length=640)
    position = models.PositiveSmallIntegerField()  # in the order of Bluesky
    people = models.PositiveIntegerField(default=0)  # how many are stored
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "elonara"
        constraints = [models.UniqueConstraint(fields=["graph", "uri"], name="one_row_per_graph_and_list")]


class KnownListMember(models.Model):
    """That somebody is on one of the member's lists."""

    known_list = models.ForeignKey(KnownList, on_delete=models.DO_NOTHING, related_name="members", db_index=False)
    person = models.ForeignKey(KnownPerson, on_delete=models.DO_NOTHING, related_name="+")

    class Meta:
        app_label = "elonara"
        constraints = [models.UniqueConstraint(fields=["known_list", "person"], name="once_per_list")]
