"""Writing with the member's OAuth session: DPoP-bound tokens at the member's own PDS.

The `Bad token scope` of former times came from sending such a token as a bearer token, and to another host. Here it
goes as `Authorization: DPoP` with a proof, to the PDS of the member's DID document (RFC 9449, section 7).
"""

from __future__ import annotations

from typing import Any

from elonara.atproto.tid import new_tid
from elonara.bluesky import hooks, network
from elonara.bluesky.app_password import app_passwords
from elonara.bluesky.identity.identities import ConnectedIdentity, identity_row
from elonara.bluesky.oauth.failures import named
from elonara.bluesky.reasons import sentence
from elonara.bluesky.writing import credentials, repo_writer
from elonara.bluesky.writing.agent import BlueskyResult, PostRecord, Readiness

COPY = "Or copy the ready text and post it yourself."


class OAuthBlueskyAgent:
    """See `elonara.bluesky.writing.agent.BlueskyAgent`.

    Posts that the relay account has already tried keep their author, and with it the relay's own credential: a mode
    switch never changes the author of a post.
    """

    def create_post_for_member(
        self, member_id: int, record: PostRecord, *, author_did: str | None = None, rkey: str | None = None
    ) -> BlueskyResult:
        """See the port."""
        key = rkey or new_tid()

        def create(found: repo_writer.Credential) -> dict[str, Any]:
            body = repo_writer.create_input(found.did, key, record)
            answer = network.xrpc().procedure(found.pds_url, "com.atproto.repo.createRecord", body, auth=found.auth)
            return repo_writer.checked_uri(answer, found.did, key)

        return self._write(f"create {key}", member_id, author_did, create, new=True)

    def find_post(self, member_id: int, author_did: str, rkey: str) -> BlueskyResult:
        """See the port."""
        return repo_writer.find(member_id, author_did, rkey)

    def delete_post(self, member_id: int, author_did: str, rkey: str) -> BlueskyResult:
        """See the port."""
        return self._write(f"delete {rkey}", member_id, author_did, repo_writer.deletion(rkey))

    def upload_image(self, member_id: int, author_did: str, data: bytes, mime: str) -> BlueskyResult:
        """See the port."""
        return self._write("upload", member_id, author_did, repo_writer.upload(data, mime))

    def readiness(self, member_id: int) -> Readiness:
        """See the port."""
        row = identity_row(member_id)
        if row is None:
            return Readiness(
                False, "", "", "compose", "", "not_connected",
                "Ready to post: not yet. Connect your Bluesky account first.",
            )  # fmt: skip
        identity = ConnectedIdentity.of(row)
        did, handle = identity.did, identity.handle
        if identity.can_write:
            words = f"Ready to post: yes, from {named(handle)} with the permission you gave on Bluesky's page."
            return Readiness(True, did, handle, "host", "oauth", "", words)
        reason = "scope_missing" if identity.connected else identity.reason
        words = f"Ready to post: not yet. {sentence(reason)} {COPY}"
        return Readiness(False, did, handle, "compose", "", reason, words)

    def _write(
        self, what: str, member_id: int, author_did: str | None, call: repo_writer.RepoCall, *, new: bool = False
    ) -> BlueskyResult:
        def credential() -> repo_writer.Credential:
            if author_did is not None and author_did == app_passwords.relay_did():
                if new and (refusal := hooks.relay_refusal(member_id)):
                    raise repo_writer.NoCredential(refusal)
                return credentials.by_relay()
            return credentials.by_oauth(member_id, author_did)

        return repo_writer.write(what, member_id, author_did, "oauth", credential, call)
