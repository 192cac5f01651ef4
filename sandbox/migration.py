"""Moving an account from one PDS of the sandbox to the other, step by step as a person's tool does.

    moved = migration.move(net, net.accounts["alice.test"])

Spec: https://atproto.com/guides/account-migration
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from sandbox.network import Account, Network

ADMIN = ("admin", "admin-pass")  # of every PDS that @atproto/dev-env makes


@dataclass
class Home:
    """One PDS as the owner of an account uses it: with her main password."""

    url: str
    account: Account
    token: str = field(default="", repr=False)

    def sign_in(self) -> None:
        """Open a session, also for an account that is not active here."""
        body = {"identifier": self.account.did, "password": self.account.password}
        self.token = self.post("com.atproto.server.createSession", body)["accessJwt"]

    def get(self, nsid: str, params: Mapping[str, Any] | None = None) -> Any:
        """A query; bytes where the response is no JSON."""
        return self._call("GET", nsid, params=params)

    def post(self, nsid: str, body: Any = None, *, token: str | None = None) -> Any:
        """A procedure with a JSON body, or with the bytes of a repository."""
        content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        kind = {"content-type": "application/vnd.ipld.car"} if isinstance(body, bytes) else {}
        return self._call("POST", nsid, headers=kind, token=token, **content)

    def _call(
        self, method: str, nsid: str, *, headers: Mapping[str, str] | None = None, token: str | None = None, **more: Any
    ) -> Any:
        credential = self.token if token is None else token
        sent = {**(headers or {}), **({"authorization": f"Bearer {credential}"} if credential else {})}
        with httpx2.Client(timeout=30, trust_env=False) as client:
            response = client.request(method, f"{self.url}/xrpc/{nsid}", headers=sent, **more)
        if response.status_code != 200:
            raise RuntimeError(f"{nsid} {response.status_code}: {response.text[:500]}")
        if "json" in response.headers.get("content-type", ""):
            return response.json()
        return response.content


@dataclass
class Migration:
    """A migration whose steps a test can take one by one. `account` has the app password of the new home."""

    net: Network
    old: Home
    new: Home

    @classmethod
    def of(cls, net: Network, account: Account) -> Migration:
        """The owner, signed in at the old home."""
        if net.second_pds is None:
            raise ValueError("the network has one PDS only")
        old = Home(net.pds, account)
        old.sign_in()
        return cls(net, old, Home(net.second_pds, account))

    def copy(self) -> None:
        """Create the account at the new home, not active there yet, and import the repository."""
        account, server = self.old.account, self.new.get("com.atproto.server.describeServer")
        nsid = "com.atproto.server.createAccount"
        proof = self.old.get("com.atproto.server.getServiceAuth", {"aud": server["did"], "lxm": nsid})["token"]
        body = {"did": account.did, "handle": account.handle, "email": account.email, "password": account.password}
        self.new.token = self.new.post(nsid, body, token=proof)["accessJwt"]
        repository = self.old.get("com.atproto.sync.getRepo", {"did": account.did})
        self.new.post("com.atproto.repo.importRepo", repository)

    def point_the_did(self) -> None:
        """Let the DID document name the new home; the old PDS signs that with a code that it sends by e-mail."""
        wanted = self.new.get("com.atproto.identity.getRecommendedDidCredentials")
        before = len(self.net.outbox())
        self.old.post("com.atproto.identity.requestPlcOperationSignature")
        code = next(
            found[0]
            for mail in self.net.outbox()[before:]
            if (found := re.search(r"\b[A-Z2-7]{5}-[A-Z2-7]{5}\b", mail["html"]))
        )
        signed = self.old.post("com.atproto.identity.signPlcOperation", {**wanted, "token": code})
        self.new.post("com.atproto.identity.submitPlcOperation", {"operation": signed["operation"]})

    def activate(self) -> None:
        """Activate the account at the new home."""
        self.new.post("com.atproto.server.activateAccount")

    def leave(self) -> None:
        """Deactivate the account at the old home."""
        self.old.post("com.atproto.server.deactivateAccount", {})

    def app_password(self) -> str:
        """An app password of the new home."""
        made = self.new.post("com.atproto.server.createAppPassword", {"name": "after the move"})
        return str(made["password"])


def move(net: Network, account: Account) -> Migration:
    """Move an account from the first PDS to the second, from the copy to leaving the old home."""
    migration = Migration.of(net, account)
    migration.copy()
    migration.point_the_did()
    migration.activate()
    migration.leave()
    return migration


def take_down(net: Network, did: str, *, applied: bool, pds: str = "") -> None:
    """Take an account down, or lift that again, as the operator of the PDS does."""
    body = {
        "subject": {"$type": "com.atproto.admin.defs#repoRef", "did": did},
        "takedown": {"applied": applied, **({"ref": "moderation"} if applied else {})},
    }
    url = f"{pds or net.pds}/xrpc/com.atproto.admin.updateSubjectStatus"
    with httpx2.Client(timeout=30, trust_env=False) as client:
        response = client.post(url, json=body, auth=ADMIN)
    if response.status_code != 200:
        raise RuntimeError(f"updateSubjectStatus {response.status_code}: {response.text[:500]}")
