"""The site's metrics in Prometheus' text format, version 0.0.4. No label identifies a person or an account."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Count
from django.utils import timezone

from elonara import counters
from elonara.bluesky.models import MemberIdentity
from elonara.housekeeping import process_counts
from elonara.housekeeping.overview import Trouble, overview
from elonara.invitations.models import Invitation
from elonara.members.models import Member

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

type Sample = tuple[Mapping[str, str], float]


def render() -> str:
    """Every metric. All are in the database, so each process of the site gives the same ones.

    What processes count is stored every few seconds (`process_counts`); of the process that answers it is exact.
    """
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
        _metric("elonara_servers_paused", "Servers that are paused", [({}, len(seen.servers))]),
        _metric("elonara_workers", "Processes that run jobs", [({}, len(seen.workers))]),
        _metric("elonara_workers_silent", "Processes that stopped without notice", [({}, len(seen.silent))]),
        _metric(
            "elonara_mail_paused",
            "1 while all e-mail is on hold because the mail server refuses it",
            [({"reason": seen.mail_pause.reason}, 1)] if seen.mail_pause else [({}, 0)],
        ),
        _metric("elonara_letters", "E-mails on their way", [({}, seen.outgoing_emails)]),
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
    parts += _counted()
    parts.append(_metric("elonara_scrape_seconds", "Time to make this page", [({}, time.perf_counter() - began)]))
    return "".join(parts)


def _counted() -> list[str]:
    """Counters of each process: requests, their latency as a histogram, what became of jobs and posts."""
    requests: list[Sample] = []
    latency: list[str] = []
    outcomes: list[Sample] = []
    for process, counts in process_counts.of_all().items():
        for route, method, status, count in counts["requests"]:
            requests.append(({"process": process, "route": route, "method": method, "status": str(status)}, count))
        for route, *buckets, seconds in counts["latency"]:
            latency += _histogram("elonara_request_seconds", {"process": process, "route": route}, buckets, seconds)
        for kind, outcome, reason, count in counts["outcomes"]:
            outcomes.append(({"process": process, "kind": kind, "outcome": outcome, "reason": reason}, count))
    return [
        _metric("elonara_requests_total", "Requests by route, method and status", requests, "counter"),
        _metric("elonara_request_seconds", "Time until a response began, by route", [], "histogram") + "".join(latency),
        _metric("elonara_job_outcomes_total", "What became of jobs and posts, by reason", outcomes, "counter"),
    ]


def _histogram(name: str, labels: Mapping[str, str], buckets: Sequence[float], seconds: float) -> list[str]:
    bounds = [*(f"{bound:g}" for bound in counters.BUCKETS), "+Inf"]
    lines = [
        _line(f"{name}_bucket", {**labels, "le": bound}, sum(buckets[: number + 1]))
        for number, bound in enumerate(bounds)
    ]
    return [*lines, _line(f"{name}_sum", labels, seconds), _line(f"{name}_count", labels, sum(buckets))]


def _by(label: str, numbers: Mapping[str, int]) -> list[Sample]:
    return [({label: name}, number) for name, number in numbers.items()]


def _by_reason(troubles: list[Trouble]) -> list[Sample]:
    found: dict[tuple[str, str], int] = {}
    for one in troubles:
        found[one.state, one.reason] = found.get((one.state, one.reason), 0) + one.count
    return [({"state": state, "reason": reason}, number) for (state, reason), number in found.items()]


def _metric(name: str, about: str, samples: Iterable[Sample], kind: str = "gauge") -> str:
    lines = [f"# HELP {name} {about}.\n", f"# TYPE {name} {kind}\n"]
    return "".join([*lines, *(_line(name, labels, value) for labels, value in samples)])


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {value:.10g}\n" if inside else f"{name} {value:.10g}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
