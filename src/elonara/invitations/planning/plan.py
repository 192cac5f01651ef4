"""The plan of one Send, made before anything is written: who is invited, with which post, and who is skipped.

The network is asked here, before the transaction in `queueing` begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from elonara.atproto.syntax import is_did, is_handle, normalize_identifier
from elonara.bluesky.graph import service as graph_service
from elonara.bluesky.graph.failures import FOR_THE_MEMBER, PENDING
from elonara.bluesky.graph.service import GraphUnavailable
from elonara.bluesky.identity.people import Person
from elonara.communities.validation import many_lines, one_line
from elonara.invitations.consent import eligibility
from elonara.invitations.models import Announcement, State, Voice
from elonara.invitations.planning import compose, fingerprint, sentences
from elonara.invitations.planning import readiness as posting_readiness
from elonara.invitations.planning.compose import Composed, Words
from elonara.invitations.planning.fingerprint import Fingerprint
from elonara.invitations.planning.readiness import text_limit_of
from elonara.invitations.results import InvitationRefused, PostingReadiness, Skipped, skip
from elonara.invitations.targets import Target
from elonara.members.models import Member

_THEN_SEND = {
    "account_deactivated": gettext_noop("Send again once it is active."),
    "account_takendown": gettext_noop("Send again once it is back."),
}


@dataclass(frozen=True)
class PlannedInvitation:
    """One invitation that Send would queue."""

    person: Person
    line: str
    ref: str
    post: Composed


@dataclass(frozen=True)
class SendPlan:
    """Everything that `queueing.write` needs, and what the preview shows."""

    host: Member
    target: Target
    ready: PostingReadiness
    voice: str
    handle: str
    note: str
    sentence: str  # her own, "" for ours
    thread: bool
    announcement: Composed | None
    invitations: list[PlannedInvitation]
    skipped: list[Skipped]
    warnings: list[str] = field(default_factory=list)
    standing: Announcement | None = None  # the announcement that is on Bluesky already, or may be
    sentence_room: int = 0  # graphemes left (or too many, negative) in the post with the longest mention
    text_limit: str = ""  # what the author's server takes of a text (`text_limits.TextLimit`), "" where as all

    def fingerprint(self, invitations: Sequence[PlannedInvitation], above: Mapping[str, Any] | None) -> Fingerprint:
        """What these invitations show, below the announcement `above` (its record), None for posts of their own."""
        common = [
            self.target.kind, self.target.of.pk, self.ready.author_did, self.voice, above,
            fingerprint.picture_of(self.target),
        ]  # fmt: skip
        return Fingerprint.of(common, {one.person.did: one.post.record for one in invitations})

    @property
    def above(self) -> Mapping[str, Any] | None:
        """The record of the announcement that the preview shows."""
        return self.announcement.above(self.standing) if self.announcement else None


def plan_send(
    host: Member,
    target: Target,
    dids: Sequence[str],
    *,
    note: str,
    lines: Mapping[str, str] | None,
    thread: bool,
    sentence: str = "",
    unasked: Mapping[str, Person] | None = None,
) -> SendPlan:
    """Check the input, look the people up and compose the posts. Raises InvitationRefused where Send is refused.

    `unasked`: people by DID as they were known before, where Bluesky cannot be asked. Such a plan is shown, not sent.
    """
    require_inviter(host, target)
    actors = _actors(dids)
    note, lines = _checked(note, lines or {})
    sentence = _own_sentence(sentence, target)
    ready = posting_readiness.readiness(host)
    voice, handle = posting_readiness.voice_for(ready), posting_readiness.host_handle(host)
    if unasked is None:
        people, missing = _confirm(host, actors)
    else:
        people, missing = {did: unasked[did] for did in actors if did in unasked}, []
    # Whom the relay may mention is asked of Bluesky, too.
    audience_of = voice if unasked is None else Voice.HOST
    refused = eligibility.refusals(host, target, people, voice=audience_of, author_did=ready.author_did)
    skipped = missing + [
        skip(refused[did].code, did=did, handle=person.handle, name=person.name, until=refused[did].until)
        for did, person in people.items()
        if did in refused
    ]
    standing = Announcement.objects.filter(host=host, author_did=ready.author_did, **target.only).first()
    # Below an announcement that is being taken back the posts would be invisible, so they go alone.
    undoing = standing is not None and standing.state == State.UNDOING
    thread = thread and not target.is_private and not undoing
    limit = text_limit_of(ready.author_did)
    words = compose.words_of(host, handle, voice, note, sentence=sentence, limit=limit)
    invitations = [
        _planned(target, words, person, _line_for(person, lines))
        for did, person in people.items()
        if did not in refused
    ]
    room = _sentence_room(target, words, invitations)
    return SendPlan(
        host=host,
        target=target,
        ready=ready,
        voice=voice,
        handle=handle,
        note=note,
        sentence=sentence,
        thread=thread,
        announcement=compose.announcement(target, words) if thread and invitations else None,
        invitations=invitations,
        skipped=skipped,
        warnings=_warnings(target, invitations, words),
        standing=standing,
        sentence_room=room,
        text_limit=limit,
    )


def require_inviter(host: Member, target: Target) -> None:
    """Raises InvitationRefused unless the member may invite to the target and the target is not over."""
    if not target.may_invite(host):
        raise InvitationRefused("suspended" if host.standing == Member.Standing.SUSPENDED else "not_allowed")
    if code := target.over():
        raise InvitationRefused(code)


def _actors(dids: Sequence[str]) -> list[str]:
    actors: dict[str, None] = {}
    for given in dids:
        if actor := normalize_identifier(str(given)):
            actors[actor] = None
    if not actors:
        raise InvitationRefused("nobody", field_name="dids")
    limit = settings.ELONARA.invitations.per_send
    if len(actors) > limit:
        count = len(actors)
        sentence = ngettext(
            "You chose {count} person; the most in one send is {limit}.",
            "You chose {count} people; the most in one send is {limit}.",
            count,
        ).format(count=count, limit=limit)
        raise InvitationRefused("too_many", sentence, field_name="dids")
    return list(actors)


def _checked(note: str, lines: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The cleaned note, and the cleaned lines by DID or lower-case handle. Raises InvitationRefused."""
    note = many_lines(note)
    if len(note) > compose.NOTE_LENGTH:
        count = len(note)
        sentence = ngettext(
            "The note has {count} character; {limit} fit.", "The note has {count} characters; {limit} fit.", count
        ).format(count=count, limit=compose.NOTE_LENGTH)
        raise InvitationRefused("note_too_long", sentence, field_name="note")
    kept: dict[str, str] = {}
    for who, text in lines.items():
        line = one_line(text)
        if len(line) > compose.LINE_LENGTH:
            count = len(line)
            sentence = ngettext(
                "The line for {who} has {count} character; {limit} fit.",
                "The line for {who} has {count} characters; {limit} fit.",
                count,
            ).format(who=who, count=count, limit=compose.LINE_LENGTH)
            raise InvitationRefused("line_too_long", sentence, field_name="lines")
        if line:
            key = str(who).strip().removeprefix("@")
            kept[key if key.startswith("did:") else key.lower()] = line
    return note, kept


def _own_sentence(text: str, target: Target) -> str:
    """The cleaned sentence, "" where it is ours. Raises InvitationRefused."""
    sentence = sentences.clean(text)
    if sentence in {"", compose.usual_sentence(target)}:
        return ""
    sentences.require_allowed(sentence, target)
    return sentence


def _sentence_room(target: Target, words: Words, invitations: Sequence[PlannedInvitation]) -> int:
    """The room in the post with the longest mention. Raises InvitationRefused where her own sentence does not fit."""
    if not invitations:
        return 0
    longest = max(invitations, key=lambda one: len(one.person.handle))
    handle = longest.person.handle
    room = compose.room(target, words, handle=handle, ref=longest.ref)
    if any("sentence" in one.post.shortened for one in invitations):
        said = ngettext(
            "With your sentence the post to @{handle} is {count} character too long: a post holds 300.",
            "With your sentence the post to @{handle} is {count} characters too long: a post holds 300.",
            -room,
        ).format(handle=handle, count=-room)
        if room >= 0:
            said = _("Your server takes less text than Bluesky, and with your sentence the posts are too long for it.")
        raise InvitationRefused("sentence_too_long", said, field_name=sentences.FIELD)
    return room


def _confirm(host: Member, actors: list[str]) -> tuple[dict[str, Person], list[Skipped]]:
    """The chosen people by DID, and those whom Bluesky does not know. Raises InvitationRefused."""
    # One malformed name would make the AppView refuse the request about all of them.
    valid = [actor for actor in actors if is_did(actor) or is_handle(actor)]
    try:
        found = graph_service.current().confirm(host.pk, valid) if valid else {}
    except GraphUnavailable as fault:
        if fault.reason == PENDING:
            raise InvitationRefused("not_allowed", fault.sentence) from fault
        # Nothing is queued yet, so nothing is tried again or goes on by itself, as a post with these reasons would.
        if fault.reason in FOR_THE_MEMBER:
            then = _THEN_SEND.get(fault.reason)
            raise InvitationRefused(fault.reason, way_on=_(then) if then else None) from fault
        raise InvitationRefused("graph_unavailable", fault.sentence, way_on="") from fault
    people: dict[str, Person] = {}
    missing: list[Skipped] = []
    for actor in actors:
        person = found.get(actor)
        if person is not None:
            people[person.did] = person
        else:
            # Shown as it was given, except for characters that neither a page nor a database accepts.
            did, handle = (actor, "") if is_did(actor) else ("", one_line(actor)[:300])
            missing.append(skip("not_found", did=did, handle=handle))
    return people, missing


def _line_for(person: Person, lines: Mapping[str, str]) -> str:
    return lines.get(person.did) or lines.get(person.handle.lower(), "")


def _planned(target: Target, words: Words, person: Person, line: str) -> PlannedInvitation:
    ref = compose.ref_for(target, person.did)
    own = replace(words, line=line)
    return PlannedInvitation(
        person, line, ref, compose.invitation(target, own, did=person.did, handle=person.handle, ref=ref)
    )


def _warnings(target: Target, invitations: list[PlannedInvitation], words: Words) -> list[str]:
    # Stays the first: the page leaves it out of its list, because it says so above Send (invite/check.html).
    found = [_("Posts and mentions on Bluesky are public: everyone can see who you invite.")]
    if target.is_private:
        found += _of_private(target, words)
    if words.voice == Voice.RELAY:
        found.append(_("The posts come from the site's own account and name you."))
    count = sum("note" in plan.post.shortened or "line" in plan.post.shortened for plan in invitations)
    if count:
        said = _("Your note is shortened in {count} of {total} posts: a post holds 300 characters.")
        found.append(said.format(count=count, total=len(invitations)))
    found.append(_("If Bluesky marks a post or the account as spam, sending stops at once."))
    return found


def _of_private(target: Target, words: Words) -> Iterator[str]:
    if target.kind == "event":
        yield _(
            "The post does not name your private event, but it shows that you invite this person to one. "
            "Only this person can open its link."
        )
    else:
        yield _(
            "The post does not name your private community, but it shows that you invite this person to one. "
            "Only this person can open its link."
        )
    if words.sentence and words.note:
        yield _("Your sentence and note are public too. Write nothing in them that should stay private.")
    elif words.sentence:
        yield _("Your sentence is public too. Write nothing in it that should stay private.")
    elif words.note:
        yield _("Your note is public too. Write nothing in it that should stay private.")
