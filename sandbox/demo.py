"""The accounts of the demo: a host with about sixty followers of many kinds, and friends who can sign in too."""

from __future__ import annotations

import colorsys
import datetime as dt
import io
import unicodedata
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx2
from PIL import Image, ImageDraw

from sandbox.network import Network

HOST = "alice.test"
# Accounts that `command.card` lists. Each can sign in with the password `<name>-pass`.
CARD = {
    HOST: ("Alice Moreira", "the host: 60 followers"),
    "bob.test": ("Bob Okafor", "a mutual of Alice"),
    "carol.test": ("Carol Nguyễn", "a mutual of Alice"),
    "dan.test": ("Dan Ferreira", "follows Alice"),
    "erin.test": ("Erin Walsh", "a host whose sign-in asks for an e-mail code"),
}
EMAIL_CODE = "ABCDE-FGHIJ"

MUTUALS = """Amara Diallo|Björn Lindqvist|Chiara Rossi|Dmitri Volkov|Elif Kaya|Femi Adeyemi|Gustav Holm|Hana Nováková
Inês Carvalho|João Pestana|Kofi Boateng|Leïla Benali|Łukasz Wójcik|Maja Petrović|Ngozi Eze|Omar Farouk|Priya Raman
Renée Dubois|Søren Kjær|Thandi Mokoena"""
FOLLOWERS = """Aoife Byrne|Beatriz Lima|Chloé Martin|Dagmar Klein|Emeka Obi|Freya Jónsdóttir|Hiroshi Tanaka|Ivan Horvat
Jürgen Groß|Kaito Mori|Lucía Ramírez|Marek Novák|Mei Lin|Nadia Haddad|Rafael Ortiz
Sakura Abe|Tomás Vega|Uma Krishnan|Valentina Gómez|Wei Zhang|Xavier Puig|Yara Saleh|Zoë van Dijk"""
ONLY_FOLLOWED = """The Daily Kettle|Harbour Radio|Night Sky Club|Ida Blom|Quinn Harper|Repair Café North"""


@dataclass(frozen=True)
class Person:
    """An account to create; `kind` is its relation to the host."""

    stem: str
    name: str
    kind: str = "follower"  # mutual | follower | followed | blocks | muted | deactivated
    domain: str = "test"


PARTICULAR = (
    Person("layla", "ليلى حدّاد"),
    Person("noa", "נועה לוי", "mutual"),
    Person("sakura-mori", "森 さくら", "mutual"),
    Person("minjun", "김민준"),
    Person("sunny", "🌻 Sunny Garden 🐝", "mutual"),
    Person("family", "The Parkers 👨‍👩‍👧‍👦"),
    Person("accents", "Z̈oë̃ Ąćčënt"),
    Person("nameless", ""),
    Person("markup", "<b>Bobby & Sons</b>"),
    Person("wordy", "Maximiliana Theodora von und zu Hohenfels-Steinbach"),
    Person("eighteen-letters-h", "Eighteen Letters", "mutual"),
    Person("longest-handle-of", "Longest Handle", "mutual", "north-harbour-neighbours.test"),
    Person("muted", "Max Loud", "muted"),
    Person("blocker", "Bea Gone", "blocks"),
    Person("resting", "Rest Ingham", "deactivated"),
)


def people() -> list[Person]:
    """All accounts that are not in `CARD`."""
    found = list(PARTICULAR)
    for names, kind in ((MUTUALS, "mutual"), (FOLLOWERS, "follower"), (ONLY_FOLLOWED, "followed")):
        for name in names.replace("\n", "|").split("|"):
            plain = unicodedata.normalize("NFKD", name.lower().replace("ø", "o").replace("ł", "l").replace("ß", "ss"))
            plain = "".join(letter for letter in plain if letter.isascii() and letter.isalpha())
            found.append(Person(plain[:18], name, kind))
    return found


def populate(network: Network) -> int:
    """Create the demo accounts through the PDS; returns how many. Raises RuntimeError with the PDS's error."""
    with httpx2.Client(base_url=f"{network.pds}/xrpc/", timeout=60, trust_env=False) as client:
        pds = _Pds(client)
        with ThreadPoolExecutor(6) as pool:
            sessions = dict(pool.map(lambda handle: (handle, pds.sign_in(network, handle)), CARD))
            host = sessions[HOST]
            made = list(pool.map(lambda person: pds.create(person, host["did"]), people()))
            list(pool.map(lambda handle: pds.profile(sessions[handle], CARD[handle][0], avatar=True), CARD))
        known = {person.kind: did for person, did in made}
        # The network itself has made the friends follow each other; by that alice follows bob already.
        followed = [did for person, did in made if person.kind in {"mutual", "followed"}]
        followed.append(network.accounts["carol.test"].did)
        pds.follow_all(host, followed)
        network.require_email_code("erin.test", EMAIL_CODE)
        network.sync()
        pds.call("app.bsky.graph.muteActor", {"actor": known["muted"]}, host)
        network.sync()
    return len(made) + len(CARD)


class _Pds:
    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def call(self, nsid: str, body: Any, session: Mapping[str, str] | None = None) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {session['accessJwt']}"} if session else {}
        return self._read(self._client.post(nsid, json=body, headers=headers))

    def _read(self, response: httpx2.Response) -> dict[str, Any]:
        if response.status_code != 200:
            raise RuntimeError(f"{response.request.url.path}: {response.status_code} {response.text[:300]}")
        body: dict[str, Any] = response.json() if response.content else {}
        return body

    def sign_in(self, network: Network, handle: str) -> dict[str, Any]:
        account = network.accounts[handle]
        body = {"identifier": account.did, "password": account.password}
        return self.call("com.atproto.server.createSession", body)

    def create(self, person: Person, host: str) -> tuple[Person, str]:
        body = {
            "handle": f"{person.stem}.{person.domain}",
            "email": f"{person.stem}@example.com",
            "password": f"{person.stem}-pass",
        }
        session = self.call("com.atproto.server.createAccount", body)
        did: str = session["did"]
        self.profile(session, person.name, avatar=len(person.stem) % 3 == 0)
        if person.kind != "followed":
            self.follow_all(session, [host])
        if person.kind == "blocks":
            self._write(session, [("app.bsky.graph.block", {"subject": host})])
        if person.kind == "deactivated":
            self.call("com.atproto.server.deactivateAccount", {}, session)
        return person, did

    def profile(self, session: Mapping[str, str], name: str, *, avatar: bool) -> None:
        record: dict[str, Any] = {"$type": "app.bsky.actor.profile", "createdAt": _now()}
        record["displayName"] = name
        if avatar:
            picture = portrait(session["handle"])
            headers = {"authorization": f"Bearer {session['accessJwt']}", "content-type": "image/png"}
            sent = self._client.post("com.atproto.repo.uploadBlob", content=picture, headers=headers)
            record["avatar"] = self._read(sent)["blob"]
        body = {"repo": session["did"], "collection": "app.bsky.actor.profile", "rkey": "self", "record": record}
        self.call("com.atproto.repo.putRecord", body, session)

    def follow_all(self, session: Mapping[str, str], dids: Iterable[str]) -> None:
        self._write(session, [("app.bsky.graph.follow", {"subject": did}) for did in dids])

    def _write(self, session: Mapping[str, str], records: Iterable[tuple[str, dict[str, str]]]) -> None:
        writes = [
            {
                "$type": "com.atproto.repo.applyWrites#create",
                "collection": collection,
                "value": {"$type": collection, "createdAt": _now(), **value},
            }
            for collection, value in records
        ]
        self.call("com.atproto.repo.applyWrites", {"repo": session["did"], "writes": writes}, session)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def portrait(handle: str) -> bytes:
    """A small drawn portrait as PNG, always the same for a handle."""
    hue = sum(handle.encode()) % 100 / 100

    def shade(light: float) -> tuple[int, int, int]:
        red, green, blue = colorsys.hls_to_rgb(hue, light, 0.45)
        return int(red * 255), int(green * 255), int(blue * 255)

    picture = Image.new("RGB", (96, 96), shade(0.82))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((32, 18, 64, 50), fill=shade(0.4))
    draw.ellipse((16, 56, 80, 128), fill=shade(0.4))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()
