"""The site's metrics in Prometheus' text format, version 0.0.4. No label identifies a person or an account."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from django.db.models import Count
from django.utils import timezone

from elonara.bluesky.models import MemberIdentity
from elonara.housekeeping.overview import Trouble, overview
from elonara.invitations.models import Invitation
from elonara.members.models import Member

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

type Sample = tuple[Mapping[str, str], float]


def render() -> str:
    """Every metric. All are read from the database, so each process of the site gives the same ones."""
    began = time.perf_counter()
    now, seen = timezone.now(), overview()
    paused: dict[str, int] = {}
    for sending in seen.paused:
        paused[sending.pause_reason] = paused.get(sending.pause_reason, 0) + 1
    sessions = MemberIdentity.objects.order_by().values_list("state").annotate(number=Count("state"))
    states = dict.fromkeys(MemberIdentity.State.values, 0) | dict(sessions)
    # Sent ones by answer: counted in an index.
    sent = Invitation.objects.filter(sent_at__isnull=False).order_by().values_list("answer")
    answers: dict[str, int] = dict(sent.annotate(number=Count("answer")))
    number_sent = sum(answers.values())
    # Names and labels are an interface: alerts of operators use them. "errand" and "letter" are from 0.1.0.
    parts = [
        _metric("elonara_posts", "Posts by state", _by("state", seen.counts)),
        _metric("elonara_oldest_due_seconds", "Age of the post that is due longest", [({}, seen.oldest_due)]),
        _metric(
            "elonara_trouble_posts",
            "Posts that failed or wait, by reason",
            _by_reason(seen.troubles),
        ),
        _metric("elonara_email_invitations", "Invitations by e-mail by state", _by("state", seen.by_email)),
        _metric(
            "elonara_oldest_email_due_seconds",
            "Age of the invitation by e-mail that is due longest",
            [({}, seen.oldest_email_due)],
        ),
        _metric(
            "elonara_trouble_email_invitations",
            "Invitations by e-mail that failed or wait, by reason",
            _by_reason(seen.email_troubles),
        ),
        _metric("elonara_invitations_sent", "Invitations that were sent", [({}, number_sent)]),
        _metric("elonara_invitations_answered", "Invitations answered", [({}, number_sent - answers.get("", 0))]),
        _metric("elonara_hosts_paused", "Hosts whose sending is paused", _by("reason", paused)),
        _metric("elonara_servers_paused", "Servers that are left alone for now", [({}, len(seen.servers))]),
        _metric("elonara_workers", "Processes that run jobs", [({}, len(seen.workers))]),
        _metric("elonara_workers_silent", "Processes that ended without a word", [({}, len(seen.silent))]),
        _metric(
            "elonara_mail_paused",
            "1 while all e-mail waits because the mail server refuses it",
            [({"reason": seen.mail_pause.reason}, 1)] if seen.mail_pause else [({}, 0)],
        ),
        _metric("elonara_letters", "E-mails on their way", [({}, seen.letters)]),
        _metric("elonara_members", "Members", [({}, Member.objects.filter(is_active=True).count())]),
        _metric("elonara_bluesky_sessions", "Bluesky sessions by state", _by("state", states)),
        _metric(
            "elonara_errand_age_seconds",
            "Time since a periodic task last ran",
            [({"errand": task.name}, (now - task.ran_at).total_seconds()) for task in seen.tasks if task.ran_at],
        ),
        _metric(
            "elonara_errand_failed", "1 while the last run of a periodic task failed",
            [({"errand": task.name}, float(bool(task.error))) for task in seen.tasks],
        ),
    ]  # fmt: skip
    parts.append(_metric("elonara_scrape_seconds", "Time to make this page", [({}, time.perf_counter() - began)]))
    return "".join(parts)


def _by(label: str, numbers: Mapping[str, int]) -> list[Sample]:
    return [({label: name}, number) for name, number in numbers.items()]


def _by_reason(troubles: list[Trouble]) -> list[Sample]:
    found: dict[tuple[str, str], int] = {}
    for one in troubles:
        found[one.state, one.reason] = found.get((one.state, one.reason), 0) + one.count
    return [({"state": state, "reason": reason}, number) for (state, reason), number in found.items()]


def _metric(name: str, about: str, samples: Iterable[Sample]) -> str:
    lines = [f"# HELP {name} {about}.", f"# TYPE {name} gauge"]
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
        lines.append(f"{name}{{{inside}}} {value:.10g}" if inside else f"{name} {value:.10g}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
