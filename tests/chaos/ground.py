"""A site whose hosts invite, run in processes that can be killed, with posts in real repositories.

The people whom hosts know need no accounts: they are seeded as rows of `ActorView`, which are kept fresh, and a fake
AppView behind the real PDS knows them too. Posts go to the real PDS, and are counted there by listing the repositories.
"""

import base64
import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

import httpx2
import pytest
from django.conf import settings
from django.db import connection
from django.db.models import Count
from django.utils import timezone
from tests.chaos.places import Places
from tests.fakes.faulty_server import FaultyServer, Reply

from elonara import sealing
from elonara.bluesky import network as site_network
from elonara.bluesky.connections.oauth_service import BlueskyOAuthService
from elonara.bluesky.graph import actor_views
from elonara.bluesky.identity.people import Person
from elonara.bluesky.models import ActorView, MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.bluesky.writing.agent import POSTS
from elonara.config import options
from elonara.events import actions as events
from elonara.events.models import Event
from elonara.invitations import actions
from elonara.invitations.models import Announcement, Invitation, State
from elonara.members.models import Member

LONG = os.environ.get("ELONARA_TEST_CHAOS") == "long"

MOVING = (State.QUEUED, State.SENDING, State.UNDOING)
FIRST_MEMBER = 1000
REF = re.compile(r"/i/([A-Za-z0-9_-]+)$")


PAGE = 100  # people on a page of followers or follows


class Appview(FaultyServer):
    """Says that an account has no labels, and through the PDS that everybody and the host follow each other.

    `followers` and `follows` are the names that the lists of every host show, each page after `seconds`; `known` has
    the same as sets.
    """

    followers, follows, known, seconds = (), (), (frozenset(), frozenset()), 0.0

    @property
    def did(self):
        """The PDS reads its address from the document of this DID, as of every AppView."""
        return f"did:web:localhost%3A{urlsplit(self.url).port}"

    def answer(self, call):
        if call.path == "/.well-known/did.json":
            endpoint = f"http://localhost:{urlsplit(self.url).port}"
            service = {"id": "#bsky_appview", "type": "BskyAppView", "serviceEndpoint": endpoint}
            return Reply(200, {"id": self.did, "service": [service]})
        if call.path.endswith("/app.bsky.actor.getProfiles"):
            viewer = {"following": "at://x", "followedBy": "at://x"}
            dids = parse_qs(urlsplit(call.url).query)["actors"]
            return Reply(200, {"profiles": [{"did": did, "handle": handle_of(did), "viewer": viewer} for did in dids]})
        for nsid, side in (("getFollowers", "followers"), ("getFollows", "follows")):
            if call.path.endswith(f"/app.bsky.graph.{nsid}"):
                return self.page(side, call.params.get("cursor", "0"))
        actor = call.params.get("actor", "")
        return Reply(200, {"did": actor, "handle": "somebody.test"})

    def page(self, side, cursor):
        time.sleep(self.seconds)
        names, start = getattr(self, side), int(cursor)
        body = {side: [self.profile(name) for name in names[start : start + PAGE]]}
        return Reply(200, body | ({"cursor": str(start + PAGE)} if start + PAGE < len(names) else {}))

    def profile(self, name):
        followers, follows = self.known
        viewer = {"followedBy": "at://x"} if name in followers else {}
        viewer |= {"following": "at://x"} if name in follows else {}
        return {"did": f"did:plc:{name}", "handle": f"{name}.test", "displayName": name.title(), "viewer": viewer}


class Process:
    """A process of the site. Its output is in the file `log`."""

    def __init__(self, arguments, environment, log):
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    @property
    def pid(self):
        return self._process.pid

    @property
    def running(self):
        return self._process.poll() is None

    def kill(self):
        """SIGKILL: it cannot finish or clean up anything."""
        self._process.kill()
        self._process.wait()

    def freeze(self):
        """SIGSTOP: it does nothing until `go_on`, while what it sent is answered."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def end(self, patience=15):
        """SIGTERM; returns how many seconds it took to end."""
        began = time.monotonic()
        self._process.terminate()
        self._process.wait(patience)
        return time.monotonic() - began


@dataclass
class Hosts:
    """The hosts' accounts, and their OAuth sessions, kept between tests: a new authorization per test costs seconds."""

    network: object
    accounts: list = field(default_factory=list)
    kept: dict = field(default_factory=dict)  # account's DID → the columns of the identity
    kid: str = ""  # id of the key that they are sealed with

    def first(self, number):
        """The first `number` accounts."""
        while len(self.accounts) < number:
            self.accounts.append(self.network.create_account())
        return self.accounts[:number]

    def enter(self, number):
        """Create connected members of the site for the first `number` accounts."""
        members, self.kid = [], sealing.current_kid()
        for place, account in enumerate(self.first(number)):
            member = Member.objects.create_user(f"host{place}", display_name=f"Host {place}", pk=FIRST_MEMBER + place)
            if account.did in self.kept:
                MemberIdentity.objects.create(member=member, **self.kept[account.did])
            else:
                consent(self.network, member, account)
            members.append(member)
        return members

    def leave(self):
        """Keep the sessions that are still valid, with their current tokens, for the next test."""
        if sealing.current_kid() != self.kid:
            return  # the test ended with other keys, so the next one could not decrypt them
        names = [column.attname for column in MemberIdentity._meta.fields if column.attname != "member_id"]
        rows = MemberIdentity.objects.filter(state=MemberIdentity.State.ACTIVE, attempt_started_at=None).values(*names)
        self.kept = {row["bsky_did"]: row | {"lease_until": None} for row in rows}


def consent(network, member, account, purpose="connect"):
    """Run the authorization flow: start, consent at the real server, callback."""
    browser = secrets.token_hex(8)
    service = BlueskyOAuthService()
    url = service.begin(purpose, account.did, member=member, browser=browser, confirmed=True)
    back = network.approve(url, account.handle, account.password)
    service.finish(dict(parse_qsl(urlsplit(back).query)), browser=browser)


@dataclass
class Tally:
    """The posts in the repositories, compared with the rows."""

    states: dict
    once: int
    missing: list
    twice: list
    alive: list  # undone or cancelled, but still in the repository
    announcements: list  # for each event, how many of its announcements exist
    ahead: int = 0  # posts that exist while their row is not final yet

    @property
    def right(self):
        """Whether every post that should exist does so exactly once, and no other exists."""
        return not (self.missing or self.twice or self.alive) and set(self.announcements) <= {1}

    def __str__(self):
        states = ", ".join(f"{number} {state}" for state, number in sorted(self.states.items()))
        return (
            f"{sum(self.states.values())} invitations ({states}): {self.once} posts exist once, "
            f"{len(self.missing)} missing, {len(self.twice)} twice, {len(self.alive)} exist that must not; "
            f"{len(self.announcements)} announcements"
        )


class Site:
    """The site under test: the rows in this test's database, and the processes that work on them."""

    def __init__(self, network, hosts, folder, port, appview, django_settings):
        self.network, self.hosts, self.folder, self.port = network, hosts, folder, port
        self.places, self._settings = Places(folder), django_settings
        self.processes = []
        self.reauthorized = 0
        self.members, self.accounts = [], []
        self.known_until = time.monotonic() + 120
        private = [network.settings()["ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS"], urlsplit(appview.url).netloc]
        self.wanted = {
            "ELONARA_CONFIG": os.devnull,
            "ELONARA_DATA_DIR": str(settings.ELONARA.data_dir),
            "ELONARA_DATABASE__URL": self.database_url(),
            "ELONARA_SITE__URL": f"http://127.0.0.1:{port}",
            "ELONARA_HTTP__PORT": str(port),
            "ELONARA_BLUESKY__WRITES__MODE": "oauth",
            **network.settings(raised_caps=True),
            "ELONARA_BLUESKY__APPVIEW_URL": appview.url,
            "ELONARA_BLUESKY__APPVIEW_DID": appview.did,
            "ELONARA_BLUESKY__ALLOW_PRIVATE_HOSTS": ",".join(private),
        }
        self._settings.ELONARA = options.load(self.wanted, Path(os.devnull))
        self.before = set()

    @staticmethod
    def database_url(port=None):
        """The URL of the test's own database for another process, through `port` if given."""
        name = connection.settings_dict["NAME"]
        if connection.vendor == "sqlite":
            return f"sqlite:///{name}"
        url = urlsplit(os.environ["ELONARA_TEST_DATABASE_URL"])
        place = url.netloc if port is None else f"{url.netloc.rpartition(':')[0]}:{port}"
        return urlunsplit(url._replace(netloc=place, path=f"/{name}"))

    # -- processes ----------------------------------------------------------------------------------------------------

    def environment(self, **more):
        """The environment of a process of this site."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ELONARA_")}
        # Without cached bytecode, compiling at each start would take longer than everything else.
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        return {**inherited, **self.wanted, "DJANGO_SETTINGS_MODULE": "elonara.config.settings", **more}

    def start(self, *arguments, **environment):
        """Run Python with these arguments as this site."""
        process = Process(arguments, self.environment(**environment), self.folder / f"{len(self.processes)}.log")
        self.processes.append(process)
        return process

    def serve(self, *options, **environment):
        """Start `elonara serve`: on SQLite the only process of a site."""
        return self.start("-m", "elonara.cli", "serve", *options, **environment)

    def work(self, **environment):
        """Start `elonara worker`; in the short version `quick_worker.py`, which detects dead workers sooner."""
        own = ["-m", "elonara.cli", "worker"] if LONG else [str(Path(__file__).with_name("quick_worker.py"))]
        return self.start(*own, **environment)

    def carry_keys(self, folder):
        """Copy the keys that this site's rows are sealed with into another data folder."""
        shutil.copytree(settings.ELONARA.data_dir / "keys", folder / "keys")

    def deliver(self, **environment):
        """Start the process that delivers: `serve` on SQLite, one worker on PostgreSQL."""
        return self.serve(**environment) if connection.vendor == "sqlite" else self.work(**environment)

    def command(self, *arguments, **environment):
        """Run `elonara …` for this site to its end; returns its output, parsed with `--json`."""
        done = self._run(arguments, environment)
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def refused(self, *arguments, **environment):
        """Run `elonara …`, which refuses; returns why."""
        done = self._run(arguments, environment)
        assert done.returncode == 1, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stderr

    def _run(self, arguments, environment):
        command = [sys.executable, "-m", "elonara.cli", *arguments]
        return subprocess.run(
            command,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    def move(self, place):
        """Use this place (of `places.empty()`) from now on, for new processes and for the rows that tests read."""
        self.wanted |= place
        self._settings.ELONARA = options.load(self.wanted, Path(os.devnull))
        self.places.enter(place)

    def set_up(self, **wanted):
        """Run with these variables from now on, and read rows as new processes do."""
        self.wanted |= wanted
        self._settings.ELONARA = options.load(self.wanted, Path(os.devnull))

    def get(self, path, seconds=20):
        """The response to GET `path`; retries until the server accepts connections."""
        end = time.monotonic() + seconds
        while True:
            try:
                return httpx2.get(f"http://127.0.0.1:{self.port}{path}", timeout=20, trust_env=False)
            except httpx2.TransportError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def health(self):
        """HTTP status and `status` of `/health`; (0, "") if there is no response."""
        try:
            response = httpx2.get(f"http://127.0.0.1:{self.port}/health", timeout=20, trust_env=False)
        except httpx2.TransportError:
            return 0, ""
        return response.status_code, response.json()["status"]

    def close(self):
        """Kill all processes that still run."""
        for process in self.processes:
            if process.running:
                process.kill()

    def words(self):
        """The end of the last processes' output, for the message of a failed assertion."""
        return "\n".join(process.log.read_text(errors="replace")[-3000:] for process in self.processes[-3:])

    # -- rows ---------------------------------------------------------------------------------------------------------

    def open(self, hosts=8):
        """Create connected hosts; posts of earlier tests in their repositories are ignored."""
        self.members = self.hosts.enter(hosts)
        self.call()  # so that the site knows the server's DPoP nonce
        self.watch(hosts)

    def watch(self, hosts):
        """Count posts of the first `hosts` accounts from now on; ignore those that exist already."""
        self.accounts = self.hosts.first(hosts)
        self.before = {record["uri"] for record in self.records()}

    def call(self):
        """Call the PDS with each host's stored session; returns the DIDs that it reports."""
        found = []
        for identity in MemberIdentity.objects.order_by("member"):
            pds_url, auth = oauth_sessions.authorizer(identity)
            found.append(site_network.xrpc().query(pds_url, "com.atproto.server.getSession", auth=auth)["did"])
        return found

    def invite(self, number):
        """Let every host create an event and invite `number` people to it, below an announcement."""
        starts = (timezone.now() + timedelta(days=30)).replace(minute=0, second=0, microsecond=0)
        for member in self.members:
            event = events.create(member, title="Picnic", starts_at=starts, timezone="UTC", location="By the river")
            people = [somebody() for _ in range(number)]
            actor_views.keep(member.pk, people)
            sent = actions.invite(member, event, [person.did for person in people])
            assert sent.queued == number, sent

    def remember_people(self):
        """Keep the seeded `ActorView` rows fresh, so that pages that expire after ten minutes are no part of a test."""
        if time.monotonic() > self.known_until:
            self.known_until = time.monotonic() + 120
            ActorView.objects.update(checked_at=timezone.now())

    def under_way(self):
        """How many posts are in a state that is not final."""
        return sum(model.objects.filter(state__in=MOVING).count() for model in (Announcement, Invitation))

    def attempts(self):
        """How many invitations have been attempted at least once."""
        return Invitation.objects.exclude(state=State.QUEUED).count()

    def wait(self, until, patience=60, *, often=0.05, meanwhile=lambda: None):
        """Wait for `until()`. Raises AssertionError with the processes' output after `patience` seconds."""
        end = time.monotonic() + patience
        while not until():
            if time.monotonic() > end:
                states = Counter(Invitation.objects.values_list("state", "reason"))
                raise AssertionError(f"not within {patience} s; {states}; output of the processes:\n{self.words()}")
            meanwhile()
            self.remember_people()
            time.sleep(often)

    def finish(self, patience=120):
        """Wait until every post is final; meanwhile hosts whose session was lost reauthorize."""
        self.wait(lambda: not self.under_way() and not self.lost(), patience, often=0.2, meanwhile=self.reauthorize)

    def lost(self):
        """Identities that need reauthorization."""
        return list(MemberIdentity.objects.filter(state=MemberIdentity.State.NEEDS_REAUTH))

    def reauthorize(self):
        """Let hosts who must reauthorize do so."""
        by_did = {account.did: account for account in self.hosts.accounts}
        for identity in self.lost():
            consent(self.network, identity.member, by_did[identity.bsky_did], "reauthorize")
            self.reauthorized += 1

    # -- the repositories ---------------------------------------------------------------------------------------------

    def records(self):
        """Every post in the hosts' repositories."""
        found = []
        with httpx2.Client(base_url=f"{self.network.pds}/xrpc/", timeout=30, trust_env=False) as pds:
            for account in self.accounts:
                cursor = ""
                while cursor is not None:
                    asked = {"repo": account.did, "collection": POSTS, "limit": "100"}
                    page = pds.get(
                        "com.atproto.repo.listRecords", params=asked | ({"cursor": cursor} if cursor else {})
                    )
                    assert page.status_code == 200, page.text
                    found += page.json()["records"]
                    cursor = page.json().get("cursor")
        return found

    def tally(self):
        """Count the posts in the repositories by the links in them."""
        links = Counter()
        for record in self.records():
            if record["uri"] not in self.before:
                links.update({urlsplit(link).path for link in links_of(record["value"])})
        refs = Counter({found[1]: number for link, number in links.items() if (found := REF.search(link))})
        rows = dict(Invitation.objects.values_list("ref", "state"))
        unknown = set(refs) - set(rows)
        assert not unknown, f"posts of no invitation: {unknown}"
        return Tally(
            states=dict(Invitation.objects.order_by().values_list("state").annotate(Count("pk"))),
            once=sum(refs[ref] == 1 for ref, state in rows.items() if state == State.SENT),
            missing=[ref for ref, state in rows.items() if state == State.SENT and refs[ref] == 0],
            twice=[ref for ref, number in refs.items() if number > 1],
            alive=[ref for ref, state in rows.items() if state != State.SENT and refs[ref]],
            announcements=[links[f"/events/{slug}"] for slug in Event.objects.values_list("slug", flat=True)],
            ahead=sum(state in MOVING and refs[ref] > 0 for ref, state in rows.items()),
        )


def how_many(what, long, short):
    """The number for the long or the short version, unless `ELONARA_TEST_CHAOS_<what>` gives another."""
    return int(os.environ.get(f"ELONARA_TEST_CHAOS_{what}") or (long if LONG else short))


def on_both_if_long(marker):
    """Mark a test that does not depend on the database: in the short version it runs on one database only."""
    return (lambda test: test) if LONG else getattr(pytest.mark, marker)


def somebody():
    """A person who follows the host and whom she follows."""
    did = "did:plc:" + base64.b32encode(secrets.token_bytes(15)).decode().lower()
    return Person(did, handle_of(did), follows_you=True, you_follow=True)


def handle_of(did):
    """The handle of somebody whom only the fake AppView knows."""
    return f"{did.removeprefix('did:plc:')[:10]}.test"


def links_of(post):
    """The links in a post's text."""
    features = [feature for facet in post.get("facets", ()) for feature in facet["features"]]
    return [feature["uri"] for feature in features if feature["$type"].endswith("#link")]


@contextlib.contextmanager
def engine_here(engine):
    """Run an engine in this process until the end of the block."""
    engine.start()
    try:
        yield engine
    finally:
        engine.stop(30)
