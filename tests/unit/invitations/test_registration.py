"""What a stored session sets going: rows and notices of its host, and of nobody else."""

from elonara.invitations import notifications, registration
from elonara.members import notices


def test_a_new_session_settles_the_notice_though_no_row_waits(make_member):
    alice, bob = make_member(), make_member()
    for host in (alice, bob):
        notices.notify(host, notifications.KIND, "Your invitations are waiting.")
        notices.notify(host, "another kind", "Something else.")
    registration.ready(alice.pk, "did:plc:alice")
    assert not notifications.open_notice_of(alice.pk).exists()
    assert notices.open_of(alice.pk, "another kind").exists()
    assert notifications.open_notice_of(bob.pk).exists()


def test_without_rows_and_notices_a_session_costs_one_query(make_member, django_assert_num_queries):
    alice = make_member()
    registration.ready(alice.pk, "")
    with django_assert_num_queries(1):
        registration.ready(alice.pk, "")
