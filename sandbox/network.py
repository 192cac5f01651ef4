"""Start, drive and stop a real local AT Protocol network: PLC directory, PDS with OAuth provider, AppView.

with network.start(accounts=["alice", "bob"]) as net:
    net.faults([{"match": "createRecord", "kind": "drop-after", "times": 1}])
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from sandbox import approve as approval
from sandbox import postgres
from sandbox.local import LocalTransport
from sandbox.supervisor import HERE, NODE

ROOT = HERE.parent


class NotInstalled(Exception):
    """Something the network needs is missing; the message says what and how to get it."""


@dataclass(frozen=True)
class Account:
    """An account of the network. Its secrets are useless elsewhere, but are kept out of logs all the same."""

    handle: str
    did: str
    password: str = field(repr=False)
    app_password: str = field(repr=False)
    email: str = ""


@dataclass
class Network:
    """A running network. URLs are local http unless called public; `stop()` or the end of a `with` block ends it."""

    plc: str
    pds: str
    appview: str | None
    appview_did: str | None
    issuer: str
    pds_public_url: str
    pds_did: str
    control: str
    tls_port: int
    tls_cert: Path  # certificate of the authority to trust
    postgres_url: str | None
    accounts: dict[str, Account]
    follows: list[tuple[str, str]]
    entryway: str  # the issuer's local URL; the PDS's unless the issuer runs separately
    hosts: dict[str, str]  # https origins that exist only in this network, and their local URLs
    started_ms: dict[str, int]
    second_pds: str | None  # another PDS and issuer, to which accounts can move (`sandbox.migration`)
    _process: subprocess.Popen[str] = field(repr=False)
    _client: httpx2.Client = field(repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is still up."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End it and wait until all its processes have ended. A second call does nothing."""
        self._client.close()
        _end(self._process)

    def _ask(self, path: str, body: Any = None) -> Any:
        response = self._client.request("GET" if body is None else "POST", self.control + path, json=body)
        result = response.json()
        if response.status_code != 200:
            raise RuntimeError(f"{path} {response.status_code}: {result}")
        return result

    def sync(self) -> None:
        """Wait until the AppView has indexed every write."""
        self._ask("/sync", {})

    def faults(self, faults: Sequence[Mapping[str, Any]]) -> None:
        """Inject these faults in front of the PDS (see README.md); an empty list removes them."""
        self._ask("/faults", list(faults))

    def fault_log(self) -> list[dict[str, Any]]:
        """What the faults did: at, kind, status, url."""
        log: list[dict[str, Any]] = self._ask("/faults")["log"]
        return log

    def hostmap(self, targets: Mapping[str, str | None]) -> None:
        """Let the PDS and the TLS front resolve these https origins (`*.atnet.dev`); None removes one."""
        self.hosts = self._ask("/hostmap", dict(targets))

    def create_account(self, handle: str = "", password: str = "") -> Account:
        """Create an account with a profile and an app password, under a random handle if none is given."""
        name = handle or f"u{secrets.token_hex(5)}.test"
        made = self._ask("/account", {"handle": name, "password": password or f"{name.split('.')[0]}-pass"})
        account = _account(made)
        self.accounts[account.handle] = account
        return account

    def require_email_code(self, handle: str, code: str = "ABCDE-FGHIJ") -> None:
        """From now on createSession with the main password requires `code`; the PDS sends it to `outbox()`."""
        self._ask("/email-code", {"handle": handle, "code": code})

    def token_max_age(self, seconds: float) -> None:
        """Set the lifetime of OAuth access tokens that are issued from now on (initially 3600 s)."""
        self._ask("/token-max-age", {"seconds": seconds})

    def forget_client(self, client_id: str, jwks_uri: str = "") -> None:
        """Make the provider fetch a client's metadata and keys again (it caches them for 10 minutes)."""
        self._ask("/forget-client", {"client_id": client_id, "jwks_uri": jwks_uri})

    def outbox(self) -> list[dict[str, Any]]:
        """The e-mails the PDS sent: at, to, subject, html."""
        mails: list[dict[str, Any]] = self._ask("/outbox")
        return mails

    def approve(self, authorize_url: str, handle: str, password: str = "", *, deny: bool = False) -> str:
        """Sign in and consent (or refuse) at the provider's page; returns the URL it redirects to."""
        password = password or self.accounts[handle].password
        with self.client() as client:
            return approval.approve(authorize_url, handle, password, client=client, deny=deny)

    def client(self, timeout: float = 20) -> httpx2.Client:
        """An HTTP client that reaches the names under atnet.dev."""
        return httpx2.Client(transport=LocalTransport(self.tls_port, self.ssl_context()), timeout=timeout)

    def ssl_context(self) -> ssl.SSLContext:
        """A context that trusts the TLS front in addition to the usual authorities."""
        context = ssl.create_default_context()
        context.load_verify_locations(self.tls_cert)
        return context

    def resolver(self, host: str, port: int) -> list[tuple[str, int]]:
        """The addresses to connect to for `host:port`: the TLS front for names under atnet.dev, else what DNS says."""
        if host.endswith("atnet.dev") and port == 443:
            return [("127.0.0.1", self.tls_port)]
        return [(str(found[4][0]), port) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

    def settings(self, *, raised_caps: bool = False) -> dict[str, str]:
        """The environment variables that point a site here; with `raised_caps` no cap on invitations is reached."""
        appview = self.appview or self.pds
        urls = {self.plc, self.pds, appview, self.entryway, self.second_pds or self.pds}
        hosts = [f"{host}:{urlsplit(url).port}" for host in ("127.0.0.1", "localhost") for url in urls]
        hosts += [f"{urlsplit(origin).hostname}:443" for origin in self.hosts]
        found = {
            "ELONARA_BLUESKY__PLC_URL": self.plc,
            "ELONARA_BLUESKY__HANDLE_RESOLVER_URL": self.entryway,
            "ELONARA_BLUESKY__APPVIEW_URL": appview,
            "ELONARA_BLUESKY__APPVIEW_DID": self.appview_did or "did:web:localhost",
            "ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS": ",".join(sorted(hosts)),
            "ELONARA_INVITATIONS__SPACING_SECONDS": "0",
        }
        if raised_caps:
            for cap in ("PER_DAY", "PER_WEEK", "FIRST_WEEK_PER_DAY", "PER_PERSON_PER_WEEK", "PER_SEND"):
                found[f"ELONARA_INVITATIONS__{cap}"] = "100000"
        return found


def missing() -> str:
    """What has to be installed before a network can start, in one sentence; empty when nothing is missing."""
    lacking = []
    if not NODE.exists():
        lacking.append("node 22")
    if not (HERE / "node_modules" / "@atproto" / "dev-env").exists():
        lacking.append("the node modules")
    if postgres.binaries() is None:
        lacking.append("PostgreSQL")
    return f"The sandbox lacks {' and '.join(lacking)}: run sandbox/install.sh" if lacking else ""


def start(
    *,
    accounts: int | Sequence[str] | None = None,
    appview: bool = True,
    rate_limits: bool = False,
    pds_hostname: str | None = None,
    issuer_hostname: str | None = None,
    second_pds: bool = False,
    timeout: float = 120,
) -> Network:
    """Start a network and wait until it is ready: a few seconds. It ends with this process, however that ends.

    `accounts`: how many, or their names (alice, bob, carol and dan); everyone follows the first. `pds_hostname`
    (`pds.atnet.dev`) puts PDS and issuer behind the TLS front under that name; with `issuer_hostname`
    (`auth.atnet.dev`) the issuer has an origin of its own, as at bsky.social. `second_pds`: another, to move to.

    Raises NotInstalled, and RuntimeError with the servers' output if they do not start.
    """
    lacking = missing()
    if lacking:
        raise NotInstalled(lacking)
    if issuer_hostname and not pds_hostname:
        raise ValueError("an issuer apart needs a pds_hostname too")
    people = "4" if accounts is None else str(accounts) if isinstance(accounts, int) else ",".join(accounts)
    environment = {"ATNET_ACCOUNTS": people or "0", "ATNET_APPVIEW": str(int(appview))}
    flags = {"ATNET_RATE_LIMITS": rate_limits, "ATNET_SECOND_PDS": second_pds}
    environment |= {name: "1" for name, wanted in flags.items() if wanted}
    environment |= {"ATNET_PDS_HOSTNAME": pds_hostname} if pds_hostname else {}
    environment |= {"ATNET_ENTRYWAY_HOSTNAME": issuer_hostname} if issuer_hostname else {}
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.supervisor"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        start_new_session=True,
    )
    try:
        line = _first_line(process, json.dumps({"appview": appview, "environment": environment}), timeout)
        return _network(json.loads(line), process)
    except BaseException:
        _end(process)
        raise


def _first_line(process: subprocess.Popen[str], request: str, timeout: float) -> str:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the supervisor has no pipes")
    process.stdin.write(request + "\n")
    process.stdin.flush()
    end, found = time.monotonic() + timeout, b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            if not selector.select(max(0, end - time.monotonic())):
                raise RuntimeError(f"the network was not ready within {timeout:.0f} s")
            read = os.read(process.stdout.fileno(), 1 << 16)
            if not read:
                raise RuntimeError("the network did not start; its words are on stderr")
            found += read
    return found.decode()


def _end(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _account(ready: Mapping[str, str]) -> Account:
    return Account(ready["handle"], ready["did"], ready["password"], ready["appPassword"], ready["email"])


def _network(ready: dict[str, Any], process: subprocess.Popen[str]) -> Network:
    accounts = {account.handle: account for account in map(_account, ready["accounts"])}
    return Network(
        plc=ready["plc"],
        pds=ready["pds"],
        appview=ready["appview"],
        appview_did=ready["appviewDid"],
        issuer=ready["issuer"],
        pds_public_url=ready["pdsPublicUrl"],
        pds_did=ready["pdsDid"],
        control=ready["control"],
        tls_port=ready["tlsPort"],
        tls_cert=Path(ready["authority"]),
        postgres_url=ready["postgres"],
        accounts=accounts,
        follows=[(one, other) for one, other in ready["follows"]],
        entryway=ready["entryway"],
        hosts=ready["hostmap"],
        started_ms=ready["startMs"],
        second_pds=ready["second"],
        _process=process,
        _client=httpx2.Client(timeout=60, trust_env=False),
    )
