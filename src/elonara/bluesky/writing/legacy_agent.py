"""Writing with app passwords: the member's own, else the relay account of the site. No OAuth token is ever used."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from elonara.atproto.tid import new_tid
from elonara.bluesky import hooks, network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.identity import oauth_posting
from elonara.bluesky.identity.identities import identity_row
from elonara.bluesky.models import AppPasswordSession
from elonara.bluesky.oauth.failures import named
from elonara.bluesky.reasons import sentence
from elonara.bluesky.writing import credentials, repo_writer
from elonara.bluesky.writing.agent import BlueskyResult, MemberRows, PostRecord, Readiness

WHY_TWO_CREDENTIALS = gettext_noop(
    "Connecting shows this site who you follow; to post, Bluesky also needs an app password, "
    "which is why it asks twice."
)
REFUSED = {
    "app_password_refused": gettext_noop("Bluesky no longer accepts your app password."),
    "app_password_moved": gettext_noop(
        "Your account has moved to another server, which does not know the app password."
    ),
}
COPY = gettext_noop("Add an app password in your settings, or copy the text and post it yourself.")

RELAY_MAY_HELP = gettext_noop("The operator can also let you post through the site's own account.")


class LegacyBlueskyAgent:
    """See `elonara.bluesky.writing.agent.BlueskyAgent`. Spec: com.atproto.repo.createRecord with a bearer token."""

    def create_post_for_member(
        self, member_id: int, record: PostRecord, *, author_did: str | None = None, rkey: str | None = None
    ) -> BlueskyResult:
        """See `BlueskyAgent`."""
        key = rkey or new_tid()

        def create(credential: repo_writer.Credential) -> dict[str, Any]:
            body = repo_writer.create_input(credential.did, key, record)
            response = network.xrpc().procedure(
                credential.pds_url, "com.atproto.repo.createRecord", body, auth=credential.auth
            )
            return repo_writer.checked_record(response, credential.did, key)

        return self._write(f"create {key}", member_id, author_did, create)

    def find_post(self, member_id: int, author_did: str, rkey: str) -> BlueskyResult:
        """See `BlueskyAgent`."""
        return repo_writer.find(member_id, author_did, rkey)

    def post_is_gone(self, member_id: int, author_did: str, rkey: str) -> bool:
        """See `BlueskyAgent`."""
        return repo_writer.is_gone(member_id, author_did, rkey)

    def delete_post(self, member_id: int, author_did: str, rkey: str) -> BlueskyResult:
        """See `BlueskyAgent`."""
        return self._write(f"delete {rkey}", member_id, author_did, repo_writer.deletion(rkey), new=False)

    def upload_image(self, member_id: int, author_did: str, data: bytes, mime: str) -> BlueskyResult:
        """See `BlueskyAgent`."""
        return self._write("upload", member_id, author_did, repo_writer.upload(data, mime))

    def readiness(self, member_id: int, known: MemberRows | None = None) -> Readiness:
        """See `BlueskyAgent`. The member's app password first, then the relay, else the text to copy."""
        identity = known.identity if known else identity_row(member_id)
        if identity is None:
            return Readiness(
                False, "", "", "compose", "", "not_connected",
                _("One step left. Connect your Bluesky account first."),
            )  # fmt: skip
        did, handle = identity.bsky_did, identity.bsky_handle
        own = known.app_password if known else app_passwords.session_of(member_id)
        if own is not None and own.did == did and own.state == AppPasswordSession.State.ACTIVE:
            words = _("Ready to post: yes, from {who} by app password.").format(who=named(handle))
            return Readiness(True, did, handle, "host", "app_password", "", words)
        refused = own is not None
        reason = credentials.lacking(identity, own)
        # Without a relay there is nothing to ask her approval for.
        relay: Readiness | str = hooks.relay_refusal(member_id) if app_passwords.relay_is_configured() else ""
        relay = relay or self._relay(handle)
        if isinstance(relay, Readiness):
            return relay
        if relay == "relay_unavailable" and not refused:
            # She may post through the relay account, so there is nothing for her to repair.
            words = _("One step left. {reason} Or add an app password in your settings.").format(reason=sentence(relay))
            return Readiness(False, did, handle, "compose", "", relay, words)
        lacking = REFUSED.get(reason, REFUSED["app_password_refused"]) if refused else WHY_TWO_CREDENTIALS
        words = _("One step left. {reason} {advice}").format(reason=_(lacking), advice=_(COPY))
        if reason == oauth_posting.NO_APP_PASSWORDS:
            words = _("One step left. {reason} Or copy the text and post it yourself.").format(reason=sentence(reason))
        if relay == "relay_not_approved" and app_passwords.relay_is_configured():
            words = f"{words} {_(RELAY_MAY_HELP)}"
        return Readiness(False, did, handle, "compose", "", reason, words)

    def _write(
        self, action: str, member_id: int, author_did: str | None, call: repo_writer.RepoCall, *, new: bool = True
    ) -> BlueskyResult:
        def find_credential() -> repo_writer.Credential:
            return credentials.by_app_password(member_id, author_did, new=new)

        return repo_writer.write(action, call, find_credential, member_id=member_id, author_did=author_did)

    def _relay(self, host_handle: str) -> Readiness | str:
        """The readiness of the relay account, or the reason code why it cannot post."""
        try:
            relay = app_passwords.relay_session()
        except app_passwords.RelayUnavailable as fault:
            return fault.reason
        if relay.state != AppPasswordSession.State.ACTIVE:
            return "relay_unavailable"
        words = _(
            "Ready to post: yes, from {relay}, this site's own account. "
            "Each post says that the invitation is from {host}."
        ).format(relay=named(relay.handle), host=named(host_handle))
        return Readiness(True, relay.did, relay.handle, "relay", "relay", "", words)
