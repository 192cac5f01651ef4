"""From the previous release to this one as docs/deploy.md says: stop, back up, migrate, start. Posts stand once."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from tests.chaos import releases
from tests.chaos.ground import how_many

from elonara.bluesky.models import MemberIdentity
from elonara.events.models import Event, Rsvp
from elonara.housekeeping import guest_data, outgoing_email
from elonara.housekeeping.models import GuestDataNotice, OutgoingEmail, PeriodicTask
from elonara.invitations.consent.opt_outs import opted_out
from elonara.invitations.models import EmailInvitation
from elonara.invitations.opt_out_models import EmailOptOut
from elonara.members.models import Member
from elonara.members.queries import open_notices
from elonara.sealing import unseal

HOSTS, INVITATIONS = 2, how_many("INVITATIONS", 300, 24)
SLOW = [{"match": "com.atproto.repo.createRecord", "kind": "delay-after", "ms": 400}]


@pytest.fixture(scope="module")
def previous(tmp_path_factory):
    """The environment that makes a process one of the previous release, and that release's name."""
    folder = tmp_path_factory.mktemp("previous")
    name = releases.previous(folder)
    return {"PYTHONPATH": str(folder / "src")}, name


class TestWhichRelease:
    @pytest.fixture
    def repository(self, tmp_path):
        """Two commits, and the first one noted as the previous release."""
        who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"]
        root = tmp_path / "repository"
        releases.git(tmp_path, "init", "-q", str(root))
        releases.git(root, *who, "commit", "-q", "--allow-empty", "-m", "one")
        first = releases.git(root, "rev-parse", "HEAD").decode().strip()
        releases.git(root, *who, "commit", "-q", "--allow-empty", "-m", "two")
        (root / releases.NOTED).parent.mkdir(parents=True)
        (root / releases.NOTED).write_text(f"0.1.0 {first}\n")
        return root

    def test_the_newest_tag_before_this_commit(self, repository):
        releases.git(repository, "tag", "v0.2.0", "HEAD~1")
        assert releases.which(repository) == ("0.2.0", "v0.2.0")
        releases.git(repository, "tag", "v0.3.0")  # a release is not compared with itself
        assert releases.which(repository) == ("0.2.0", "v0.2.0")

    def test_without_tags_the_one_that_is_noted(self, repository):
        assert releases.which(repository)[0] == "0.1.0"
        releases.git(repository, "tag", "v0.3.0")
        assert releases.which(repository)[0] == "0.1.0"

    def test_none_where_the_history_is_cut_off(self, repository, tmp_path):
        shallow = tmp_path / "shallow"
        releases.git(tmp_path, "clone", "-q", "--depth=1", f"file://{repository}", str(shallow))
        (shallow / releases.NOTED).parent.mkdir(parents=True)
        (shallow / releases.NOTED).write_text((repository / releases.NOTED).read_text())
        with pytest.raises(releases.NotHere):
            releases.which(shallow)

    def test_none_without_a_repository(self, repository):
        (repository / ".git").rename(repository / "gone")
        with pytest.raises(releases.NotHere):
            releases.which(repository)


def connect_and_invite(site, old):
    """By the previous release's own code: the rows are as it writes them. Returns the events' slugs."""
    script = Path(__file__).with_name("previous_site.py")
    words = [sys.executable, str(script), str(INVITATIONS // HOSTS), *(account.did for account in site.accounts)]
    with subprocess.Popen(
        words, env=site.environment(**old), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert "migrations applied" in process.stdout.readline()
        for account in site.accounts:
            url = process.stdout.readline().strip()
            process.stdin.write(site.network.approve(url, account.handle, account.password) + "\n")
            process.stdin.flush()
        code, *slugs, others = process.communicate(timeout=180)[0].splitlines()
    assert process.returncode == 0
    assert len(slugs) == HOSTS
    assert code.startswith(old["PYTHONPATH"]), code
    return slugs, json.loads(others)


def the_rest_is_kept(slug, others):
    """What `previous_site.store_the_rest` wrote, read by this release."""
    event = Event.objects.get(slug=slug)
    answer = Rsvp.objects.get(event=event, did=others["guest"])
    assert (answer.choice, answer.note, answer.name) == ("going", "Salad", "Guest")
    host = event.created_by
    dids = [others["refuser"], others["stranger"], others["guest"]]
    assert opted_out(host, dids) == {others["refuser"]: "opted_out_host", others["stranger"]: "opted_out_site"}
    assert EmailOptOut.objects.filter(address_hash="e" * 64, host=None).exists()
    invitation = EmailInvitation.objects.get(event=event)
    assert unseal(invitation.address_enc, column="address_enc", row=invitation.pk, did="").reveal() == "ana@example.org"
    assert unseal(invitation.token_enc, column="token_enc", row=invitation.pk, did="").reveal() == "token of ana"
    (message,) = (outgoing_email.unsealed(row) for row in OutgoingEmail.objects.all())
    assert (message.subject, message.to) == ("Subject", ["ana@example.org"])
    assert PeriodicTask.objects.get(name="clear away").done == 7


def guests_are_kept_until_operators_were_told(slug):
    """An event of long ago: nothing of its guests is deleted by the first runs of the task."""
    Event.objects.filter(slug=slug).update(starts_at=timezone.now() - timedelta(days=900), ends_at=None)
    before = Rsvp.objects.filter(event__slug=slug).count()
    Member.objects.create_superuser("told")
    assert [guest_data.run(), guest_data.run()] == [0, 0]
    assert Rsvp.objects.filter(event__slug=slug).count() == before > 0
    assert GuestDataNotice.objects.get().days == 400
    assert open_notices(Member.objects.get(username="told")).filter(kind="guest data").exists()


def test_a_site_of_the_previous_release_goes_on_under_this_one(previous, site, network, tmp_path, count):
    old, release = previous
    site.move(site.places.empty())
    site.watch(HOSTS)
    slugs, others = connect_and_invite(site, old)
    network.faults(SLOW)
    arguments = ["serve"] if connection.vendor == "sqlite" else ["worker"]
    process = site.start("-m", "elonara.cli", *arguments, **old)
    # What stands is asked of the repositories: this code does not read the rows before they are migrated.
    site.wait(lambda: len(site.records()) - len(site.before) >= INVITATIONS // 3, often=0.1)
    process.end()
    network.faults([])
    halfway = len(site.records()) - len(site.before)

    backup = site.command("backup", str(tmp_path / "backups"), "--json")
    migrated = site.command("migrate", "--json")["applied"]
    tally = site.tally()
    assert not tally.missing
    assert tally.states.get("queued")
    if connection.vendor == "sqlite":
        site.serve()
    else:
        site.serve("--without-jobs")
        site.work()
    assert site.get("/health").json() == {"status": "ok"}
    assert [site.get(f"/events/{slug}").status_code for slug in slugs] == [200] * HOSTS
    site.finish()
    assert site.call() == [account.did for account in site.accounts]
    assert site.reauthorized == 0
    assert {identity.state for identity in MemberIdentity.objects.all()} == {"active"}
    the_rest_is_kept(slugs[0], others)
    tally = site.tally()
    count(f"from {release}: {halfway} posts before, {len(migrated)} migrations, then {tally}")
    assert tally.right, tally
    assert tally.once == INVITATIONS
    guests_are_kept_until_operators_were_told(slugs[0])

    # The way back: the previous release reads the backup.
    site.wanted |= site.places.empty()
    site.command("restore", backup["file"], "--keys", backup["keys"], **old)
