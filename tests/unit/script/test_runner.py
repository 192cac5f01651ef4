"""The scheduling and the report of script/test."""

from types import SimpleNamespace

import pytest
from tests.runner import report, schedule
from tests.runner.jobs import POSTGRESQL, SQLITE, SUITES, Job, jobs_of

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.unit.test_jobs" name="test_one" time="0.5"/>
<testcase classname="tests.unit.test_jobs" name="test_other" time="7.25"/>
</testsuite></testsuites>"""


def ended(job, code):
    return SimpleNamespace(job=job, code=code, seconds=12, cpu_seconds=8)


def test_every_suite_but_browser_runs_on_both_databases():
    jobs = list(jobs_of(list(SUITES), postgresql=True))
    assert {job.suite for job in jobs if job.database == SQLITE} == {"unit", "contract", "browser", "chaos"}
    assert {job.suite for job in jobs if job.database == POSTGRESQL} == {"unit", "contract", "chaos"}
    assert [job.database for job in jobs_of(["unit"], postgresql=False)] == [SQLITE]


def test_jobs_begin_while_there_are_cores_for_them():
    jobs = list(jobs_of(list(SUITES), postgresql=True))
    first = schedule.to_start(jobs, [], 3)
    assert 1 < len(first) < len(jobs)
    assert sum(job.cores for job in first) <= 3
    assert schedule.to_start([job for job in jobs if job not in first], first, 3) == []
    assert schedule.to_start(jobs, [], 100) == jobs


def test_one_begins_however_few_cores_there_are():
    jobs = list(jobs_of(["unit"], postgresql=True))
    assert schedule.to_start(jobs, [], 0) == jobs[:1]
    assert schedule.to_start(jobs[1:], jobs[:1], 0) == []


@pytest.mark.parametrize(
    ("codes", "status"), [([0, 0], 0), ([0, 5], 0), ([5, 5], 1), ([0, 1], 1), ([5, 2], 1), ([0, -9], 1), ([], 1)]
)
def test_a_failed_job_fails_the_run_and_so_does_a_run_without_tests(codes, status):
    assert report.status([ended(Job("unit", SQLITE), code) for code in codes]) == status


def test_the_report_names_each_job_and_the_slowest_tests(tmp_path):
    run = ended(Job("unit", SQLITE), 1)
    (tmp_path / "junit.xml").write_text(JUNIT)
    tests = report.tests_of(run, tmp_path / "junit.xml")
    told = report.lines([run], tests, 13)
    assert told[3].split() == ["12", "8", "2", "unit", "on", "SQLite:", "FAILED"]
    assert [line.split()[0] for line in told[5:]] == ["7.2", "0.5"]
    assert report.tests_of(run, tmp_path / "none.xml") == []
