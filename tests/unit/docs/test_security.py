"""docs/security.md promises nothing that no test keeps, and no test keeps a promise that the page does not make."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "security.md"
ROW = re.compile(r"^\| `([\w-]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/.]+:[\w.]+)`")


def promised(page):
    """Name of a promise → the tests that its row names. Raises ValueError where two rows have one name."""
    rows = ROW.findall(page)
    names = [name for name, _, _ in rows]
    if doubles := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"more than one row: {sorted(doubles)}")
    return {name: set(TEST.findall(tests)) for name, _, tests in rows}


def marked(files):
    """Name of a promise → the tests that carry it. `files`: path below the repository → source."""
    found = {}
    for path, source in files.items():
        for node in ast.parse(source).body:
            inner = node.body if isinstance(node, ast.ClassDef) else [node]
            prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
            for test in inner:
                for name in names_on(test):
                    found.setdefault(name, set()).add(f"{path}:{prefix}{test.name}")
    return found


def names_on(test):
    """The promises that the markers of one function name."""
    for mark in getattr(test, "decorator_list", ()):
        match mark:
            case ast.Call(func=ast.Attribute(attr="promise"), args=args):
                for each in args:
                    assert isinstance(each, ast.Constant), "a promise is named by a literal, to be found by reading"
                    yield each.value


def sources():
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in (ROOT / "tests").rglob("test_*.py")
    }


def differences(page, files):
    """What the page says and no marker does, and the other way round."""
    said, kept = promised(page), marked(files)
    for name in sorted(said.keys() | kept.keys()):
        for test in sorted(said.get(name, set()) - kept.get(name, set())):
            yield f"{name}: {test} does not carry it"
        for test in sorted(kept.get(name, set()) - said.get(name, set())):
            yield f"{name}: {test} is not in its row"
        if not said.get(name) or not kept.get(name):
            yield f"{name}: no test keeps it"


def test_every_promise_is_kept_by_the_tests_that_its_row_names():
    assert list(differences(PAGE.read_text(encoding="utf-8"), sources())) == []


@pytest.mark.parametrize(
    ("row", "source"),
    [
        ("| `a` | We promise. | none yet |", ""),
        ("| `a` | We promise. | `tests/x.py:test_a` |", "def test_a(): ..."),
        ("| `a` | We promise. | `tests/x.py:test_a` |", "@pytest.mark.promise('b')\ndef test_a(): ..."),
        ("", "@pytest.mark.promise('a')\ndef test_a(): ..."),
        ("| `a` | We promise. | `tests/x.py:test_b` |", "@pytest.mark.promise('a')\ndef test_a(): ..."),
        ("| `a` | We promise. | `tests/x.py:T.test_a` |", "@pytest.mark.promise('a')\ndef test_a(): ..."),
    ],
)
def test_a_promise_without_its_test_is_found(row, source):
    assert list(differences(row, {"tests/x.py": source}))


def test_a_promise_of_two_tests_is_taken():
    rows = "| `a` | We promise. | `tests/x.py:test_a`, `tests/x.py:T.test_b` |\n| `c` | Too. | `tests/x.py:T.test_b` |"
    source = "@pytest.mark.promise('a')\ndef test_a(): ...\n"
    source += "class T:\n    @pytest.mark.promise('c', 'a')\n    def test_b(self): ..."
    assert list(differences(rows, {"tests/x.py": source})) == []


def test_one_name_stands_in_one_row():
    row = "| `a` | We promise. | `tests/x.py:test_a` |\n"
    with pytest.raises(ValueError, match="more than one row"):
        promised(row * 2)
