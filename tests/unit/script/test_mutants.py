"""The mutation campaign: its table fits the code, its page is of today, and a sample of it is tried in every run."""

import ast
import datetime as dt
import re
from functools import cache
from pathlib import Path

import pytest
from tests.mutants import campaign, page, table
from tests.mutants.mutant import SOURCE, Mutant, Stale, node_id, spread

ROOT = Path(__file__).parents[3]
SAMPLE = 8
RIGHT = "    if cid == wanted:\n        return uri\n"
MUTANT = Mutant("name", "a.py", "if cid == wanted:", "if True:", "any record is ours", ("tests/unit/test_a.py:test_b",))
JUNIT = """<testsuites><testsuite>
<testcase classname="tests.unit.test_a" name="test_b[1]"/>
<testcase classname="tests.unit.test_a" name="test_b[2]"><failure message="assert 1 == 2"/></testcase>
<testcase classname="tests.unit.test_a.TestC" name="test_d"><error message="no fixture"/></testcase>
<testcase classname="tests.unit.test_a" name="test_e"><skipped message="no"/></testcase>
<testcase classname="tests.unit.test_a" name="test_f"/>
</testsuite></testsuites>"""


@pytest.mark.parametrize("mutant", table.ALL, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_the_code(mutant):
    right = (ROOT / SOURCE / mutant.file).read_text(encoding="utf-8")
    compile(mutant.apply(right), mutant.file, "exec")  # raises Stale, with what to update
    assert mutant.old != mutant.new
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", mutant.name)
    assert mutant.tests
    missing = [test for test in mutant.tests if not _exists(test)]
    assert missing == [], f"{mutant.name} is to be killed by tests that are not there: name those of now"


@cache
def _body(file):
    return ast.parse((ROOT / file).read_text(encoding="utf-8")).body if (ROOT / file).exists() else []


def _exists(test):
    file, _, name = test.partition(":")
    body = _body(file)
    for part in name.split("."):
        body = next((node.body for node in body if getattr(node, "name", "") == part), None)
        if body is None:
            return False
    return True


def test_each_subject_has_mutants_and_each_mutant_a_name_of_its_own():
    assert all(table.SUBJECTS.values())
    names = [mutant.name for mutant in table.ALL]
    assert len(set(names)) == len(names) >= 45


def test_the_page_is_that_of_the_table():
    assert page.PAGE.read_text(encoding="utf-8") == page.text(table.SUBJECTS), "script/mutants --page writes it anew"


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    return campaign.Tree(tmp_path_factory.mktemp("mutants") / "tree")


@pytest.mark.parametrize("position", range(SAMPLE))
def test_a_mutant_of_the_days_sample_is_killed(tree, position):
    mutant = spread(table.ALL, SAMPLE, dt.datetime.now(dt.UTC).date().toordinal())[position]
    outcome = tree.try_out(mutant)
    assert not outcome.fault, f"{outcome.fault} Try it with script/mutants --only {mutant.name}"


def test_a_mutant_that_no_test_notices_survives_and_the_copy_is_right_again(tree):
    harmless = Mutant(
        "harmless", "atproto/syntax.py", "MAX_HANDLE = 253", "MAX_HANDLE = 254", "nothing happens",
        ("tests/unit/atproto/test_tid.py:test_the_counterexamples_are_not",),
    )  # fmt: skip
    assert "harmless survives" in tree.try_out(harmless).fault
    for folder in (tree.folder, ROOT):
        assert "MAX_HANDLE = 253" in (folder / SOURCE / harmless.file).read_text(encoding="utf-8")


def test_a_text_that_has_moved_is_named():
    assert MUTANT.apply(RIGHT) == "    if True:\n        return uri\n"
    for text in ("", RIGHT * 2):
        with pytest.raises(Stale, match="write its file and its text of now into tests/mutants/table"):
            MUTANT.apply(text)


def test_a_mutant_is_killed_where_each_of_its_tests_fails():
    assert campaign.verdict(MUTANT, {"one": "assert 1 == 2", "two": "KeyError: 3"}) == ""
    assert "survives: two stays green though any record is ours" in campaign.verdict(MUTANT, {"one": "x", "two": ""})
    assert "broken" in campaign.verdict(MUTANT, {"one": "NameError: no such name"})


def test_what_pytest_says_is_read(tmp_path):
    (tmp_path / "junit.xml").write_text(JUNIT)
    found = campaign.faults(tmp_path / "junit.xml")
    assert found["tests/unit/test_a.py:test_b"] == "assert 1 == 2"
    assert "fixture" in campaign.verdict(MUTANT, {"one": found["tests/unit/test_a.py:TestC.test_d"]})
    assert found["tests/unit/test_a.py:test_f"] == ""
    assert "tests/unit/test_a.py:test_e" not in found
    assert node_id("tests/unit/test_a.py:TestC.test_d") == "tests/unit/test_a.py::TestC::test_d"


def test_samples_have_all_their_turn():
    days = len(table.ALL) // SAMPLE + 1
    samples = [spread(table.ALL, SAMPLE, day) for day in range(days)]
    assert {mutant for sample in samples for mutant in sample} == set(table.ALL)
    assert {len(set(sample)) for sample in samples} == {SAMPLE}
    assert spread(table.ALL[:3], SAMPLE, 7) == (table.ALL[1], table.ALL[2], table.ALL[0])
