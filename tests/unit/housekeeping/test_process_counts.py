"""Counts of several processes, and what became of jobs."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from tests.unit.invitations.conftest import *  # noqa: F403

from elonara import counters, jobs
from elonara.counters import MAX_SERIES, OTHER, Counters
from elonara.housekeeping import metrics, process_counts, workers
from elonara.housekeeping.models import ProcessCounts

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _zero():
    counters.of_this_process.clear()


def other_process(name, ago=timedelta(0)):
    counted = Counters()
    counted.request("/health", "GET", 200, 0.2)
    counted.outcome("deliver", "done")
    ProcessCounts.objects.create(name=name, counts=json.dumps(counted.snapshot()), seen_at=timezone.now() - ago)


def test_whoever_answers_has_the_counts_of_all_processes():
    counters.of_this_process.request("/about", "GET", 200, 0.02)
    other_process("web-2:7")
    other_process("long-gone:7", timedelta(hours=1))
    text = metrics.render()
    assert f'elonara_requests_total{{process="{workers.name()}",route="/about",method="GET",status="200"}} 1\n' in text
    assert 'elonara_requests_total{process="web-2:7",route="/health",method="GET",status="200"} 1\n' in text
    assert 'elonara_job_outcomes_total{process="web-2:7",kind="deliver",outcome="done",reason=""} 1\n' in text
    assert "long-gone" not in text


def test_a_process_stores_one_row_and_reads_itself_from_memory():
    for _ in range(2):
        counters.of_this_process.request("/about", "GET", 200, 0.02)
        process_counts.store()
    counters.of_this_process.request("/about", "GET", 200, 0.02)
    assert ProcessCounts.objects.count() == 1
    assert 'route="/about",method="GET",status="200"} 3\n' in metrics.render()


def test_old_rows_are_deleted():
    other_process("long-gone:7", timedelta(days=2))
    other_process("web-2:7")
    assert process_counts.forget_old() == 1


def test_a_histogram_grows_towards_its_count():
    for seconds in (0.01, 0.02, 0.3, 60):
        counters.of_this_process.request("/", "GET", 200, seconds)
    lines = [line for line in metrics.render().splitlines() if line.startswith("elonara_request_seconds")]
    assert [line.rpartition(" ")[2] for line in lines] == ["1", "2", "2", "2", "3", "3", "3", "3", "4", "60.33", "4"]


def test_the_number_of_series_is_bounded():
    counted = Counters()
    for number in range(MAX_SERIES + 50):
        counted.request(f"/{number}", "GET", 200, 0.1)
        counted.outcome("deliver", "error", f"Fault{number}")
    seen = counted.snapshot()
    assert [OTHER, "GET", 200, 50] in seen["requests"]
    assert ["deliver", "error", OTHER, 50] in seen["outcomes"]
    assert len(seen["requests"]) == len(seen["latency"]) == MAX_SERIES + 1


def test_a_request_writes_nothing(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        client.get("/robots-are-not-here.txt")
    assert not ProcessCounts.objects.exists()


def test_jobs_are_counted_by_kind_and_a_fault_by_its_kind(monkeypatch):
    def broken(_key):
        raise OSError("anna@example.org")

    monkeypatch.setattr(jobs, "_kinds", {})
    jobs.register("fine", lambda _key: None)
    jobs.register("broken", broken)
    jobs.run("fine", "did:plc:x")
    with pytest.raises(OSError, match="anna"):
        jobs.run("broken", "did:plc:x")
    text = metrics.render()
    assert 'kind="fine",outcome="done",reason=""} 1\n' in text
    assert 'kind="broken",outcome="error",reason="OSError"} 1\n' in text
    assert "did:" not in text


def test_what_becomes_of_posts_is_counted_by_reason(picnic, send, deliver, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        send(picnic, "bob", "carol")
        deliver()
    text = metrics.render()
    assert 'kind="invitation",outcome="acknowledge",reason=""} 2\n' in text
    assert 'kind="announcement",outcome="acknowledge",reason=""} 1\n' in text


def test_every_alarm_of_the_documentation_asks_for_a_metric_that_there_is():
    page = (Path(__file__).parents[3] / "docs" / "deploy.md").read_text(encoding="utf-8")
    asked = set(re.findall(r"\belonara_[a-z_]+", page.split("## Metrics")[1].split("\n## ")[0]))
    there = set(re.findall(r"^# TYPE (\w+)", metrics.render(), re.MULTILINE))
    assert len(asked) > 12
    assert {name.removesuffix("_bucket") for name in asked} <= there


def test_an_email_invitation_is_counted_by_what_became_of_it(picnic, alice, monkeypatch):
    from elonara.invitations.email import delivery
    from elonara.invitations.models import EmailInvitation, EmailState

    row = EmailInvitation.objects.create(
        event=picnic, host=alice, address_hash="a", token_hash="t", address_enc="x", due_at=timezone.now()
    )
    monkeypatch.setattr(delivery, "_not_wanted", lambda _row: "event_over")
    delivery.poll(str(row.pk))
    row.refresh_from_db()
    assert row.state == EmailState.CANCELLED
    assert 'kind="email_invitation",outcome="cancelled",reason="event_over"} 1\n' in metrics.render()
