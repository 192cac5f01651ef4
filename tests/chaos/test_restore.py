"""A lost site is restored from a backup into an empty folder: hosts stay connected, every post exists once.

The hazard are invitations that were sent after the backup: their restored rows are queued, but their posts exist.
"""

import pytest
from django.utils import timezone
from tests.chaos.ground import how_many, on_both_if_long

from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.invitations.models import Announcement, Invitation, State
from elonara.members.models import Notice

HOSTS, INVITATIONS = 3, how_many("INVITATIONS", 300, 30)
SLOW = [{"match": "com.atproto.repo.createRecord", "kind": "delay-after", "ms": 400}]


def sent():
    """The invitations that are sent according to their rows."""
    return set(Invitation.objects.filter(state=State.SENT).values_list("ref", flat=True))


def being_sent():
    return sorted(
        str(key)
        for model in (Announcement, Invitation)
        for key in model.objects.filter(state=State.SENDING).values_list("pk", flat=True)
    )


def deliver_and_kill(site, number):
    """Deliver until `number` invitations are sent, then kill -9 while posts are being sent."""
    process = site.deliver()
    site.wait(lambda: len(sent()) >= number and being_sent(), 60, often=0.01)
    process.kill()


def lose(site, backup):
    """Lose everything but the backup and the keys, and restore them in an empty place."""
    site.move(site.places.empty())
    restored = site.command("restore", backup["file"], "--keys", backup["keys"], "--json")
    assert (restored["made_at"], restored["moved"]) == (backup["made_at"], False)
    queued = sum(model.objects.filter(state=State.QUEUED).count() for model in (Announcement, Invitation))
    assert restored["in_doubt"] == queued > 0


@pytest.mark.promise("restore")
def test_what_was_sent_after_the_backup_is_not_sent_again(site, network, tmp_path, count):
    site.open(HOSTS)
    site.invite(INVITATIONS // HOSTS)
    network.faults(SLOW)
    deliver_and_kill(site, INVITATIONS // 6)
    in_the_middle, known = being_sent(), sent()
    backup = site.command("backup", str(tmp_path / "backups"), "--json")
    # The site goes on delivering, and is lost meanwhile.
    deliver_and_kill(site, INVITATIONS // 2)
    unknown = sent() - known
    network.faults([])
    lose(site, backup)
    assert sent() == known
    assert being_sent() == in_the_middle
    assert in_the_middle
    assert unknown
    assert Invitation.objects.filter(ref__in=unknown, state=State.QUEUED, attempts=0).exists()
    site.deliver()
    site.finish()
    assert site.call() == [account.did for account in site.accounts]
    assert site.reauthorized == 0
    tally = site.tally()
    count(
        f"{len(known)} sent and {len(in_the_middle)} being sent at the backup, {len(unknown)} sent after it; "
        f"restored: {tally}"
    )
    assert tally.right, tally
    assert tally.once == INVITATIONS


@on_both_if_long("sqlite_only")
def test_a_session_that_was_refreshed_after_the_backup_is_given_anew_by_its_host(site, tmp_path, count):
    site.open(HOSTS)
    site.invite(INVITATIONS // HOSTS)
    backup = site.command("backup", str(tmp_path / "backups"), "--json")
    refreshed = MemberIdentity.objects.get(member=site.members[0])
    spent = refreshed.bsky_refresh_token_enc
    oauth_sessions.fresh_token(refreshed.pk, refused=oauth_sessions.fresh_token(refreshed.pk))
    lose(site, backup)
    assert MemberIdentity.objects.get(pk=refreshed.pk).bsky_refresh_token_enc == spent
    # As after a while: every access token has expired.
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    site.deliver()
    ours, others = Invitation.objects.filter(host=refreshed.member), Invitation.objects.exclude(host=refreshed.member)
    site.wait(lambda: not others.exclude(state=State.SENT).exists() and site.lost())
    assert [identity.pk for identity in site.lost()] == [refreshed.pk]
    # Her invitations wait: each for her, or for the announcement.
    site.wait(lambda: Announcement.objects.get(host=refreshed.member).state == State.WAITING)
    site.wait(lambda: not ours.filter(ambiguous=True).exists())
    assert not ours.exclude(state__in=(State.WAITING, State.QUEUED)).exists()
    assert "Reauthorize" in Notice.objects.get(member=refreshed.member).text
    halfway = site.tally()
    assert (halfway.once, sorted(halfway.announcements)) == (INVITATIONS - INVITATIONS // HOSTS, [0, 1, 1]), halfway
    site.finish()
    assert site.call() == [account.did for account in site.accounts]
    tally = site.tally()
    count(f"{halfway.once} sent without the host whose session was lost, {site.reauthorized} reauthorized; {tally}")
    assert tally.right, tally
    assert (tally.once, site.reauthorized) == (INVITATIONS, 1)
