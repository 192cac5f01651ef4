"""Caps: wrong lines, and the tests that notice them."""

from tests.mutants.mutant import Mutant

MUTANTS = (
    Mutant(
        "day-cap-off-by-one",
        "invitations/consent/caps.py",
        "_cap_on(day, settled_in, caps) - taken[day]",
        "_cap_on(day, settled_in, caps) + 1 - taken[day]",
        "a host sends one more a day",
        (
            "tests/unit/invitations/planning/test_sending_caps.py:TestCaps.test_what_is_over_the_daily_cap_goes_the_next_morning",
        ),
    ),
    Mutant(
        "first-week-off-by-one",
        "invitations/consent/caps.py",
        "if day < settled_in else caps.per_day",
        "if day < settled_in - DAY else caps.per_day",
        "the first week ends a day early",
        ("tests/unit/invitations/planning/test_sending_caps.py:TestCaps.test_the_first_week_has_seven_days",),
    ),
    Mutant(
        "week-of-six-days",
        "invitations/consent/caps.py",
        "for back in range(7))",
        "for back in range(6))",
        "a host's week has six days",
        ("tests/unit/invitations/planning/test_sending_caps.py:TestCaps.test_the_weekly_cap_holds_for_any_seven_days",),
    ),
    Mutant(
        "person-cap-off-by-one",
        "invitations/consent/recipient_caps.py",
        "if len(found) >= limit}",
        "if len(found) > limit}",
        "one person gets one more a week",
        (
            "tests/unit/invitations/planning/test_sending_caps.py:TestCaps.test_one_person_gets_three_a_week_from_the_whole_site",
        ),
    ),
    Mutant(
        "person-cap-by-host",
        "invitations/consent/recipient_caps.py",
        '_full_until(dids, rows, "invitee_did", without, keys)',
        '_full_until(dids, rows.none(), "invitee_did", without, keys)',
        "two hosts at the same moment invite a person beyond her share",
        (
            "tests/unit/invitations/planning/test_sending.py:test_who_gets_her_share_of_the_week_between_plan_and_write_is_skipped",
        ),
    ),
    Mutant(
        "person-cap-not-shown",
        "invitations/consent/facts.py",
        "found.full.update(full_until(wanted, days))",
        "found.full.update(full_until(wanted, []))",
        "the preview offers people who have had their share, and Send skips them",
        (
            "tests/unit/invitations/planning/test_sending_caps.py:TestCaps.test_one_person_gets_three_a_week_from_the_whole_site",
        ),
    ),
    Mutant(
        "site-email-cap-off-by-one",
        "invitations/consent/site_email_cap.py",
        "emails_per_day) - taken)",
        "emails_per_day) - taken + 1)",
        "the site sends one more letter a day",
        ("tests/unit/invitations/email/test_strangers.py:test_the_whole_site_has_a_daily_share",),
    ),
    Mutant(
        "caps-by-login",
        "invitations/consent/accounts.py",
        'return {host.pk, *holders.values_list("member", flat=True)}',
        "return {host.pk}",
        "a host comes back as a new member and has her caps anew",
        ("tests/unit/invitations/consent/test_accounts.py:test_the_caps_are_used_up",),
    ),
    Mutant(
        "place-not-claimed",
        "invitations/outbox/prechecks.py",
        "    at = caps.claim(row)\n",
        "    at = None\n",
        "rows that waited go out all on one day",
        (
            "tests/unit/invitations/planning/test_sending_caps.py:TestCaps.test_rows_that_waited_do_not_go_out_all_on_one_day",
        ),
    ),
    Mutant(
        "relay-cap-off-by-one",
        "invitations/consent/caps.py",
        "relay.per_day - relayed[day])",
        "relay.per_day + 1 - relayed[day])",
        "the relay posts one more a day",
        (
            "tests/unit/invitations/planning/test_sending_caps.py:TestCaps.test_the_relays_cap_is_counted_over_all_hosts",
        ),
    ),
    Mutant(
        "zone-second-share",
        "invitations/consent/caps.py",
        "sending_days.settle(accounts.lock(host), host.timezone)",
        "accounts.lock(host)",
        "a changed time zone gives a second share of the day",
        ("tests/unit/invitations/consent/test_sending_days.py:test_a_change_of_the_zone_gives_no_second_share",),
    ),
    Mutant(
        "undone-place-free",
        "invitations/consent/caps.py",
        '_by_day(emails, without) + Counter(_numbers(undone, "undone_on")) + past',
        "_by_day(emails, without) + past",
        "an undone post gives its place back",
        (
            "tests/unit/invitations/consent/test_caps.py:test_a_day_never_has_more_posts_than_its_cap_whatever_is_undone",
        ),
    ),
    Mutant(
        "creation-unbounded",
        "members/daily_limits.py",
        "count() >= MOST[kind]",
        "count() > MOST[kind]",
        "a member creates one event more within a day than the limit",
        ("tests/unit/events/test_daily_limit.py:test_the_last_event_of_a_day_and_none_after_it",),
    ),
    Mutant(
        "communities-unbounded",
        "communities/actions.py",
        "daily_limits.count_in(by, Creation.Kind.COMMUNITY)",
        "pass",
        "a member creates communities without end",
        ("tests/unit/events/test_daily_limit.py:test_communities",),
    ),
)
