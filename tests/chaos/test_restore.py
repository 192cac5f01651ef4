"""The site is lost, and a backup of it comes back in an empty folder: hosts are connected, every post goes out once.

The hazard is what was sent after the backup: the restored rows are queued, and their posts stand.
"""

from django.utils import timezone
from tests.chaos.ground import how_many, on_both_if_long

from elonara.bluesky.models import MemberIdentity
from elonara.bluesky.oauth import sessions as oauth_sessions
from elonara.invitations.models import Announcement, Invitation, State
from elonara.members.models import Notice

HOSTS, INVITATIONS = 3, how_many("INVITATIONS", 300, 30)
SLOW = [{"match": "com.atproto.repo.createRecord", "kind": "delay-after", "ms": 400}]


def sent():
    """The invitations whose posts are out, as far as the rows know."""
    return set(Invitation.objects.filter(state=State.SENT).values_list("ref", flat=True))


def being_sent():
    return sorted(
        str(key)
        for model in (Announcement, Invitation)
        for key in model.objects.filter(state=State.SENDING).values_list("pk", flat=True)
    )


def deliver_and_kill(site, number):
    """Deliver until `number` invitations are sent; kill -9 while posts are under way."""
    process = site.deliver()
    site.wait(lambda: len(sent()) >= number and being_sent(), 60, often=0.01)
    process.kill()


def lose(site, backup):
    """The machine is gone, with everything that the backup does not hold. Another begins with the two files."""
    site.move(site.places.empty())
    told = site.command("restore", backup["file"], "--keys", backup["keys"], "--json")
    assert (told["made_at"], told["moved"]) == (backup["made_at"], False)
    queued = sum(model.objects.filter(state=State.QUEUED).count() for model in (Announcement, Invitation))
    assert told["in_doubt"] == queued > 0


def test_what_was_sent_after_the_backup_is_not_sent_again(site, network, tmp_path, count):
    site.open(HOSTS)
    site.invite(INVITATIONS // HOSTS)
    network.faults(SLOW)
    deliver_and_kill(site, INVITATIONS // 6)
    in_the_middle, known = being_sent(), sent()
    backup = site.command("backup", str(tmp_path / "backups"), "--json")
    # The site goes on, and is lost in the middle of it.
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
    # By then every access token has ended.
    MemberIdentity.objects.update(bsky_token_expires_at=timezone.now())
    site.deliver()
    ours, others = Invitation.objects.filter(host=refreshed.member), Invitation.objects.exclude(host=refreshed.member)
    site.wait(lambda: not others.exclude(state=State.SENT).exists() and site.lost())
    assert [identity.pk for identity in site.lost()] == [refreshed.pk]
    # Hers wait, each by itself or behind the announcement.
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
