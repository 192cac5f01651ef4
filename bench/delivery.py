"""How fast invitations are delivered, compared with the most that the same PDS accepts; and what a second worker adds.

usage: python bench/delivery.py [invitations of each account]

First table: 8 accounts, spacing 0, by OAuth (DPoP), on SQLite in one process, in alternation with a bare loader that
sends prepared requests with the same records over 8 raw sockets. Bounds: 90 % of the loader's rate, and 5 ms of CPU per
delivered invitation, everything included. On two cores the PDS wants both, so what an invitation costs here is taken
from it: the first bound needs a core to spare. Second table: PostgreSQL, 16 accounts, and a PDS that answers every
request after 100 ms without checking it. Bounds: two workers deliver 1.9 times as much as one, four 3.2 times.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sandbox import network, postgres

from bench.ground import make_database, table

ACCOUNTS = 8
WORKER_ACCOUNTS = 16  # four workers of four threads have one for each thread
URI = "/xrpc/com.atproto.repo.createRecord"
RATIO, CPU_MS = 0.90, 5.0
WORKERS = {1: 1.0, 2: 1.9, 4: 3.2}  # how much more than one they deliver at least
ROUNDS = 7
FAKE_LATENCY_SECONDS = 0.1  # as of a PDS on the internet
FAKE_PDS = """
import asyncio, json, sys
from urllib.parse import parse_qs, urlsplit
def answer(head):
    url = urlsplit(head.split()[1].decode())
    own = next(l[5:].strip().decode() for l in head.split(b"\\r\\n") if l.lower().startswith(b"host:"))
    if url.path.startswith("/did:plc:"):
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": "http://" + own}
        return {"id": url.path[1:], "alsoKnownAs": [], "service": [service]}
    if url.path == "/.well-known/did.json":
        service = {"id": "#bsky_appview", "type": "BskyAppView", "serviceEndpoint": "http://" + own}
        return {"id": "did:web:" + own.replace(":", "%3A"), "service": [service]}
    if url.path.endswith("getProfiles"):
        viewer = {"following": "at://x", "followedBy": "at://x"}
        dids = parse_qs(url.query)["actors"]
        return {"profiles": [{"did": did, "handle": did[8:18] + ".test", "viewer": viewer} for did in dids]}
    # What else an engine reads beside its deliveries: the account knows nobody, so each list is read once.
    lists = {name: [] for name in ("followers", "follows", "lists", "items", "feed")}
    return {"did": "did:plc:somebody", "handle": "somebody.test", **lists}
class Pds(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.data = transport, b""
    def data_received(self, data):
        self.data += data
        while b"\\r\\n\\r\\n" in self.data:
            head, rest = self.data.split(b"\\r\\n\\r\\n", 1)
            length = next((int(l[15:]) for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length:")), 0)
            if len(rest) < length:
                return
            body, self.data = rest[:length], rest[length:]
            if head.startswith(b"POST"):
                request = json.loads(body)
                cid = "bafyreib2rxk3rh6kzwq3fkzdc2u5hk3rflwr5wzz3s6wqkqfkszvj2yhbu"
                response = {"uri": f"at://{request['repo']}/{request['collection']}/{request['rkey']}", "cid": cid}
            else:
                response = answer(head)
            asyncio.get_running_loop().call_later(float(sys.argv[1]), self.respond, json.dumps(response).encode())
    def respond(self, body):
        head = b"HTTP/1.1 200 OK\\r\\ndpop-nonce: always\\r\\ncontent-type: application/json\\r\\n"
        self.transport.write(head + b"content-length: %d\\r\\n\\r\\n" % len(body) + body)
async def main():
    server = await asyncio.get_running_loop().create_server(Pds, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@contextlib.contextmanager
def fake_pds(latency_seconds: float):
    """A server in a process of its own that accepts every post and knows every profile; yields its origin."""
    process = subprocess.Popen(
        [sys.executable, "-c", FAKE_PDS, str(latency_seconds)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def django_up(environment: dict[str, str], folder: str) -> None:
    """Configure this process for a new site with these settings, and set up Django."""
    for name in [name for name in os.environ if name.startswith("ELONARA_")]:
        del os.environ[name]
    os.environ.update(environment)
    os.environ["ELONARA_DATA_DIR"] = folder
    os.environ["ELONARA_CONFIG"] = os.devnull
    os.environ["ELONARA_BLUESKY__WRITES__MODE"] = "oauth"
    os.environ["DJANGO_SETTINGS_MODULE"] = "elonara.config.settings"
    import logging

    import django

    django.setup()
    logging.disable(logging.ERROR)
    make_database()


def invite(member, number: int):
    """Create an event of the member's and invite `number` people whom she knows; returns the batch."""
    from django.utils import timezone

    from elonara.bluesky.graph import actor_views
    from elonara.bluesky.identity.people import Person
    from elonara.events import actions as events
    from elonara.invitations import actions

    starts = timezone.now() + timedelta(days=30)
    event = events.create(member, title="Picnic", starts_at=starts, timezone="UTC", location="By the river")
    people = []
    for _ in range(number):
        name = base64.b32encode(secrets.token_bytes(15)).decode().lower()
        people.append(Person(f"did:plc:{name}", f"{name[:10]}.test", follows_you=True, you_follow=True))
    actor_views.keep(member.pk, people)
    sent = actions.invite(member, event, [person.did for person in people])
    if sent.queued != number:
        raise SystemExit(f"not everybody was invited: {sent}")
    return sent.batch


class Loader:
    """Sends prepared requests over raw sockets, one per account: the most that the PDS accepts."""

    def __init__(self, net: network.Network) -> None:
        self._at = urlsplit(net.pds)
        self._url = net.pds + URI

    def run(self, batches: list) -> float:
        """Post copies of the batches' invitations; returns posts per second."""
        from elonara.bluesky.identity.identities import identity_row
        from elonara.bluesky.oauth.nonce_stores import session_nonces as nonces
        from elonara.bluesky.sealed_columns import dpop_key, unsealed

        lines = []
        for batch in batches:
            identity = identity_row(batch.host_id)
            key, token = dpop_key(identity), unsealed(identity, "bsky_access_token_enc").reveal()
            nonce = nonces.get(key.thumbprint, f"{self._at.scheme}://{self._at.netloc}")
            requests = []
            for row in batch.invitations.select_related("announcement"):
                root = {"uri": row.announcement.uri, "cid": row.announcement.cid}
                post = {"$type": "app.bsky.feed.post", **row.record, "createdAt": "2026-01-01T00:00:00.000Z"}
                post["reply"] = {"root": root, "parent": root}
                body = json.dumps(
                    {"repo": identity.bsky_did, "collection": "app.bsky.feed.post", "record": post}
                ).encode()
                proof = key.proof("POST", self._url, nonce=nonce, access_token=token)
                head = (
                    f"POST {URI} HTTP/1.1\r\nhost: {self._at.netloc}\r\n"
                    f"authorization: DPoP {token}\r\ndpop: {proof}\r\n"
                    f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
                )
                requests.append(head.encode() + body)
            lines.append(requests)
        refused: list[bytes] = []
        threads = [threading.Thread(target=self._send, args=(requests, refused)) for requests in lines]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if refused:
            raise SystemExit(f"the loader was refused: {refused[0][:300]!r}")
        return sum(map(len, lines)) / (time.perf_counter() - began)

    def _send(self, requests: list[bytes], refused: list[bytes]) -> None:
        with socket.create_connection((self._at.hostname, self._at.port)) as line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for request in requests:
                line.sendall(request)
                response = b""
                while b"\r\n\r\n" not in response:
                    response += line.recv(1 << 16)
                head, _, body = response.partition(b"\r\n\r\n")
                lengths = [part[15:] for part in head.lower().split(b"\r\n") if part.startswith(b"content-length:")]
                while len(body) < int(lengths[0]):
                    body += line.recv(1 << 16)
                if not head.startswith(b"HTTP/1.1 200"):
                    refused.append(response)
                    return


def deliver(engine) -> tuple[float, float]:
    """Let the engine deliver everything that is queued; returns posts per second and CPU seconds per invitation."""
    from elonara.invitations.models import Announcement, Invitation

    todo = Invitation.objects.filter(state="queued").count()
    posts = todo + Announcement.objects.filter(state="queued").count()
    began, cpu = time.perf_counter(), time.process_time()
    engine.sweep()
    while left := Invitation.objects.exclude(state="sent").count():
        if time.perf_counter() - began > 300:
            raise SystemExit(f"{left} were not sent")
        time.sleep(0.03)  # a tenth of a second would be a twentieth of the whole
    return posts / (time.perf_counter() - began), (time.process_time() - cpu) / todo


def against_the_real_pds(number: int) -> bool:
    """Print the first table; whether its bounds are met."""
    with (
        tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder,
        network.start(accounts=0, appview=False) as net,
        fake_pds(0) as appview,
    ):
        environment = net.settings(raised_caps=True)
        place = urlsplit(appview)
        environment["ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS"] += f",{place.netloc}"
        # The PDS passes reads on to it, so it has a DID: of a local server, which did:web reads by http.
        did = f"did:web:localhost%3A{place.port}"
        django_up(environment | {"ELONARA_BLUESKY__APPVIEW_URL": appview, "ELONARA_BLUESKY__APPVIEW_DID": did}, folder)
        from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
        from elonara.engines.embedded import EmbeddedEngine
        from elonara.members.models import Member

        members = []
        for place in range(ACCOUNTS):
            account, member = net.create_account(), Member.objects.create_user(f"host{place}")
            service = BlueskyOAuthService()
            url = service.begin("connect", account.did, member=member, browser="bench", confirmed=True)
            back = net.approve(url, account.handle, account.password)
            service.finish(dict(parse_qsl(urlsplit(back).query)), browser="bench")
            members.append(member)
        engine, loader = EmbeddedEngine(sweep_seconds=600), Loader(net)
        batches = [invite(member, 3) for member in members]
        engine.start()
        deliver(engine)  # warm-up
        bare, ours, cpu = [], [], []
        for _ in range(ROUNDS):
            batches = [invite(member, number) for member in members]
            rate, each = deliver(engine)
            ours.append(rate)
            cpu.append(each * 1000)
            bare.append(loader.run(batches))
        engine.stop()
    # Of the rates in the middle: what else this machine does for a moment hits one round.
    ratio, ms = statistics.median(ours) / statistics.median(bare), statistics.median(cpu)
    met = ratio >= RATIO and ms <= CPU_MS
    table(
        f"{ACCOUNTS} accounts, {ROUNDS} rounds of {number} invitations each, over DPoP to the real PDS",
        [
            ("bare loader, 8 raw sockets", "  ".join(f"{rate:6.1f}" for rate in bare) + "  posts/s"),
            ("delivered", "  ".join(f"{rate:6.1f}" for rate in ours) + "  posts/s"),
            ("ratio", f"{ratio:6.2f}      bound {RATIO}"),
            ("CPU for an invitation", "  ".join(f"{each:6.2f}" for each in cpu) + f"  ms   bound {CPU_MS}"),
            ("bounds", "met" if met else "NOT MET"),
        ],
    )
    return met


def two_workers(number: int) -> bool:
    """Print the second table; whether its bound is met."""
    with tempfile.TemporaryDirectory(prefix="elonara-bench-") as folder, fake_pds(FAKE_LATENCY_SECONDS) as pds:
        Path(folder).chmod(0o755)  # the account that PostgreSQL runs as must be able to enter it
        cluster = postgres.start(Path(folder) / "cluster")
        try:
            _wait_for(cluster)
            django_up(beside_fake_pds(pds) | {"ELONARA_DATABASE__URL": cluster.url}, folder)
            members = connected(pds)
            rates = {workers: _rate(members, number, workers=workers) for workers in WORKERS}
        finally:
            cluster.stop()
    met = all(rates[workers] >= bound * rates[1] for workers, bound in WORKERS.items())
    table(
        f"PostgreSQL, {WORKER_ACCOUNTS} accounts with {number} invitations each, a fake PDS that answers after 100 ms",
        [
            *(
                (f"{workers} workers of 4 threads", f"{rate:6.1f} invitations/s   {rate / rates[1]:5.2f} times one")
                for workers, rate in rates.items()
            ),
            ("bounds", ", ".join(f"{bound} for {n}" for n, bound in WORKERS.items() if n > 1)),
            ("", "met" if met else "NOT MET"),
        ],
    )
    return met


def _wait_for(cluster: postgres.Cluster) -> None:
    import psycopg

    for _ in range(200):
        try:
            psycopg.connect(cluster.url).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("PostgreSQL did not start")


def beside_fake_pds(pds: str) -> dict[str, str]:
    """The settings of a site whose whole network is one fake PDS, without caps and without spacing."""
    environment = {
        "ELONARA_BLUESKY__PLC_URL": pds,
        "ELONARA_BLUESKY__APPVIEW_URL": pds,
        "ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS": urlsplit(pds).netloc,
        "ELONARA_INVITATIONS__SPACING_SECONDS": "0",
    }
    for cap in ("PER_DAY", "PER_WEEK", "FIRST_WEEK_PER_DAY", "PER_PERSON_PER_WEEK", "PER_SEND"):
        environment[f"ELONARA_INVITATIONS__{cap}"] = "100000"
    return environment


def connected(pds: str) -> list:
    """Members with a session at a PDS that accepts every token."""
    from django.utils import timezone

    from elonara.atproto.oauth.dpop import DpopKey
    from elonara.bluesky.models import MemberIdentity
    from elonara.bluesky.oauth import scopes
    from elonara.bluesky.oauth.client import client_id
    from elonara.bluesky.sealed_columns import sealed_columns
    from elonara.members.models import Member

    members = []
    for place in range(WORKER_ACCOUNTS):
        member = Member.objects.create_user(f"host{place}")
        did = "did:plc:" + base64.b32encode(hashlib.sha256(bytes([place])).digest()[:15]).decode().lower()
        row = MemberIdentity(
            member=member, bsky_did=did, bsky_handle=f"host{place}.test", pds_url=pds, issuer=pds,
            client_id=client_id(), bsky_scope=scopes.connect(), state="active", state_reason="",
            bsky_token_expires_at=timezone.now() + timedelta(days=1),
        )  # fmt: skip
        secrets_ = {"bsky_access_token_enc": "t" * 600, "bsky_refresh_token_enc": "r"}
        for column, value in sealed_columns(row, secrets_ | {"dpop_key_enc": DpopKey.generate().to_json()}).items():
            setattr(row, column, value)
        row.save()
        members.append(member)
    return members


def _rate(members: list, number: int, *, workers: int) -> float:
    """Invitations per second, of the middle 60 % of the delivery, while all workers are busy."""
    from elonara.invitations.models import Invitation

    batches = [invite(member, number) for member in members]
    rows = Invitation.objects.filter(batch__in=batches)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "elonara.cli", "worker"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(workers)
    ]
    try:
        began = time.monotonic()
        while rows.exclude(state="sent").exists():
            if time.monotonic() - began > 180:
                raise SystemExit("not everything was sent")
            time.sleep(0.2)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(15)
    times = sorted(rows.values_list("sent_at", flat=True))
    low, high = len(times) * 2 // 10, len(times) * 8 // 10
    return (high - low) / (times[high] - times[low]).total_seconds()


def main() -> int:
    """Print both tables, each from a process of its own, because a process is one site. 1 if a bound is not met."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    if len(sys.argv) > 2:
        return 0 if (against_the_real_pds if sys.argv[2] == "pds" else two_workers)(number) else 1
    parts = [subprocess.run([sys.executable, __file__, str(number), part], check=False) for part in ("pds", "workers")]
    return max(abs(part.returncode) for part in parts)


if __name__ == "__main__":
    raise SystemExit(main())
