"""Writing with the member's OAuth session: DPoP-bound tokens at the member's own PDS.

Such a token must be sent as `Authorization: DPoP` with a proof, to the PDS in the member's DID document (RFC 9449,
section 7). Sent as a bearer token, or to another host, it is refused as `Bad token scope` or `Malformed token`.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from elonara.atproto.tid import new_tid
from elonara.bluesky import hooks, network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.identity.identities import ConnectedIdentity, identity_row
from elonara.bluesky.oauth.failures import named
from elonara.bluesky.reasons import sentence
from elonara.bluesky.writing import credentials, repo_writer
from elonara.bluesky.writing.agent import BlueskyResult, MemberRows, PostRecord, Readiness


class OAuthBlueskyAgent:
    """See `elonara.bluesky.writing.agent.BlueskyAgent`.

    A post that was already attempted from the relay account keeps that author, and is written with the relay's app
    password: switching the mode never changes the author of a post.

    `by_consent`: the site's mode is `legacy`, and it is the member's consent alone that lets her posts go so.
    """

    def __init__(self, *, by_consent: bool = False) -> None:
        self._credential_of = credentials.by_consent if by_consent else credentials.by_oauth

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

        return self._write(f"create {key}", member_id, author_did, create, new=True)

    def find_post(self, member_id: int, author_did: str, rkey: str) -> BlueskyResult:
        """See `BlueskyAgent`."""
        return repo_writer.find(member_id, author_did, rkey)

    def post_is_gone(self, member_id: int, author_did: str, rkey: str) -> bool:
        """See `BlueskyAgent`."""
        return repo_writer.is_gone(member_id, author_did, rkey)

    def delete_post(self, member_id: int, author_did: str, rkey: str) -> BlueskyResult:
        """See `BlueskyAgent`."""
        return self._write(f"delete {rkey}", member_id, author_did, repo_writer.deletion(rkey))

    def upload_image(self, member_id: int, author_did: str, data: bytes, mime: str) -> BlueskyResult:
        """See `BlueskyAgent`."""
        return self._write("upload", member_id, author_did, repo_writer.upload(data, mime))

    def readiness(self, member_id: int, known: MemberRows | None = None) -> Readiness:
        """See `BlueskyAgent`."""
        row = known.identity if known else identity_row(member_id)
        if row is None:
            return Readiness(
                False, "", "", "compose", "", "not_connected",
                _("One step left. Connect your Bluesky account first."),
            )  # fmt: skip
        identity = ConnectedIdentity.of(row)
        did, handle = identity.did, identity.handle
        if identity.can_write:
            words = _("Ready to post: yes, from {who} with the permission you gave on Bluesky's page.")
            words = words.format(who=named(handle))
            return Readiness(True, did, handle, "host", "oauth", "", words)
        reason = "scope_missing" if identity.connected else identity.reason
        words = _("One step left. {reason} Or copy the text and post it yourself.").format(reason=sentence(reason))
        return Readiness(False, did, handle, "compose", "", reason, words)

    def _write(
        self, action: str, member_id: int, author_did: str | None, call: repo_writer.RepoCall, *, new: bool = False
    ) -> BlueskyResult:
        def find_credential() -> repo_writer.Credential:
            if author_did is not None and author_did == app_passwords.relay_did():
                if new and (refusal := hooks.relay_refusal(member_id)):
                    raise repo_writer.NoCredential(refusal)
                return credentials.by_relay()
            return self._credential_of(member_id, author_did)

        return repo_writer.write(
            action, call, find_credential, member_id=member_id, author_did=author_did, backend="oauth"
        )
