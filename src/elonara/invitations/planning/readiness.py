"""Whether a host's invitations can be posted: from which account, or what is missing and how she can add it."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.models import AccountLane, AppPasswordSession, MemberIdentity
from elonara.bluesky.writing.factory import BlueskyAgentFactory
from elonara.compiled_queries import CompiledQuery
from elonara.invitations import reasons
from elonara.invitations.models import HostSending, Voice
from elonara.invitations.planning.sending_rows import SendingRows
from elonara.invitations.results import PostingReadiness
from elonara.members.models import Member

_SENDING = CompiledQuery(lambda host: HostSending.objects.filter(host=host))
SIGN_IN_ONLY = gettext_noop("This site knows your Bluesky account for signing in, and nothing more.")


def readiness(host: Member, rows: SendingRows | None = None) -> PostingReadiness:
    """Whether and how this host can post now. `rows`: what is stored of her, where it was read already."""
    agent = BlueskyAgentFactory.make(host.pk).readiness(host.pk, rows.bluesky if rows else None)
    identity = rows.bluesky.identity if rows else identity_row(host.pk)
    # Where no backend can post yet, the rows wait for the host's own account.
    author = agent.author_did or (identity.bsky_did if identity else "")
    handle = agent.handle or (identity.bsky_handle if identity else "")
    if not author:
        return _not_ready("not_connected", author, handle, agent.voice, may_send=False)
    if not agent.can_post and identity is not None and identity.state == MemberIdentity.State.REVOKED:
        # Before every other reason: she has to connect first, and only then is her PDS known.
        unready = _not_ready("not_connected", author, handle, agent.voice, may_send=False)
        way_on = _("Connect it to see who you know and to invite them.")
        return replace(unready, sentence=_(SIGN_IN_ONLY), way_on=way_on)
    if settings.ELONARA.site.is_loopback and not _in_sandbox(author, identity):
        found = reasons.reason("loopback_site")
        return PostingReadiness(
            agent.can_post, author, handle, agent.voice, agent.backend, found.code, found.sentence, found.way_on,
            found.action, may_send=False,
        )  # fmt: skip
    sending = rows.sending if rows else _SENDING.first(host=host.pk)
    if sending is not None and sending.paused_at is not None:
        return _not_ready(sending.pause_reason, author, handle, agent.voice)
    if not agent.can_post:
        return _not_ready(agent.reason or "app_password_missing", author, handle, agent.voice, sentence=agent.sentence)
    return PostingReadiness(True, author, handle, agent.voice, agent.backend, "", agent.sentence)


def voice_for(ready: PostingReadiness) -> str:
    """The voice that new rows get: while no backend can post, they wait for the host's own account."""
    return Voice.RELAY if ready.voice == Voice.RELAY and ready.can_post else Voice.HOST


def text_limit_of(author_did: str) -> str:
    """What the author's server takes of a text, known since it refused a longer one (`TextLimit`); "": as all do."""
    found = AccountLane.objects.filter(author_did=author_did).values_list("text_limit", flat=True).first()
    return found or ""


def host_handle(host: Member) -> str:
    """The host's own handle, also where the relay posts."""
    identity = MemberIdentity.objects.filter(member=host).first()
    return identity.bsky_handle if identity else host.username


def _not_ready(
    code: str, author: str, handle: str, voice: str, *, sentence: str = "", may_send: bool = True
) -> PostingReadiness:
    found = reasons.reason(code)
    known = code in reasons.REASONS
    return PostingReadiness(
        can_post=False,
        author_did=author,
        handle=handle,
        voice=Voice.COMPOSE if voice != Voice.RELAY else voice,
        backend="",
        reason=code,
        sentence=found.sentence if known or not sentence else sentence,
        way_on=found.way_on if known else "",
        action=found.action if known else "",
        may_send=may_send,
    )


def _in_sandbox(author_did: str, identity: MemberIdentity | None) -> bool:
    """Whether the author's PDS is a private one, so that no real person is mentioned and a loopback link is fine."""
    if identity is not None and identity.bsky_did == author_did and is_allowed_private_host(identity.pds_url):
        return True
    urls = [
        *MemberIdentity.objects.filter(bsky_did=author_did).values_list("pds_url", flat=True),
        *AppPasswordSession.objects.filter(did=author_did).values_list("pds_url", flat=True),
    ]
    return any(is_allowed_private_host(url) for url in urls)


def is_allowed_private_host(pds_url: str) -> bool:
    """Whether the operator declared this PDS to be private (`bluesky.allow_private_hosts`), as in the sandbox."""
    return bool(pds_url) and _host_and_port(pds_url) in settings.ELONARA.bluesky.allow_private_hosts


def _host_and_port(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
