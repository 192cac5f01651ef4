"""What runs on PostgreSQL: the choice itself, and that no module which one database may see differently is left out."""

import ast
import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from tests import second_database

ROOT = Path(__file__).parents[3]
SRC = ROOT / "src"
# What a database may do in its own way: locks, races, commits, SQL of our own, many rows at a time.
DIFFERS = re.compile(
    r"connection\.vendor|is_postgres|\.cursor\(|\.raw\(|RawSQL|select_for_update|on_commit|bulk_create|bulk_update"
    r"|IntegrityError|OperationalError|CompiledQuery|take_lease|locks\.\w|update_or_create"
)
# Floors that hold no rows; settings, which every test has; commands, which `tests/unit/cli/test_postgres.py` runs.
ELSEWHERE = re.compile(r"elonara\.(atproto|cli|config|migrations|models)\b")

DOORS = {"elonara.invitations.actions", "elonara.invitations.queries"}  # they only pass on what others do


def item(nodeid, *fixtures, marks=(), parametrize=(), **indices):
    """An item as pytest collects it; `indices`: the number of each parameter's value."""
    found = {mark: SimpleNamespace(args=()) for mark in marks}
    return SimpleNamespace(
        nodeid=nodeid,
        fixturenames=fixtures,
        get_closest_marker=found.get,
        iter_markers=lambda _name: [SimpleNamespace(args=(names,)) for names in parametrize],
        **({"callspec": SimpleNamespace(indices=indices)} if indices else {}),
    )


def chosen(*items):
    return [one.nodeid for one in second_database.differing(items)]


def test_what_asks_no_database_runs_on_one():
    assert chosen(item("a::pure"), item("a::page", "site", "transactional_db"), item("a::row", "db")) == [
        "a::page",
        "a::row",
    ]
    assert chosen(item("a::marked", marks=["django_db"]), item("a::own", marks=["postgres_only"])) == [
        "a::marked",
        "a::own",
    ]


def test_of_the_values_of_a_parameter_the_first_is_tried():
    first, other = (item(f"a::t[{n}]", "db", parametrize=["text, more"], text=n, more=n) for n in (0, 1))
    assert chosen(first, other) == ["a::t[0]"]


def test_all_are_where_they_ask_other_questions():
    marked = [item(f"a::t[{n}]", "db", marks=["every_value_on_postgres"], parametrize=["n"], n=n) for n in (0, 1)]
    assert chosen(*marked) == ["a::t[0]", "a::t[1]"]
    modes = [item(f"a::t[{n}]", "db", parametrize=[("mode",)], mode=n) for n in (0, 1)]
    assert chosen(*modes) == ["a::t[0]", "a::t[1]"]
    fixtures = [
        item(f"a::t[{n}-{text}]", "db", parametrize=["text"], agent_of=n, text=text) for n in (0, 1) for text in (0, 1)
    ]
    assert chosen(*fixtures) == ["a::t[0-0]", "a::t[1-0]"]


@cache
def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path):
    """The modules of ours that a file imports."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def name_of(path):
    return ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


@cache
def fixtures_with_rows():
    """The fixtures that ask for a database, themselves or by others; of one name in several files each counts."""
    needs = {}
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(one) for one in node.decorator_list):
                needs.setdefault(node.name, set()).update(argument.arg for argument in node.args.args)
    found = {"db", "transactional_db"}
    while more := {name for name, others in needs.items() if others & found} - found:
        found |= more
    return found


def asks_a_database(path):
    text = path.read_text(encoding="utf-8")
    asked = fixtures_with_rows()
    return (
        "django_db" in text
        or "postgres_only" in text
        or any(
            argument.arg in asked
            for node in ast.walk(parsed(path))
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
            for argument in node.args.args
        )
    )


def mirrored(path):
    """The test of a module: `invitations/consent/caps.py` has `tests/unit/invitations/consent/test_caps.py`."""
    return ROOT / "tests" / "unit" / path.relative_to(SRC / "elonara").with_name(f"test_{path.name}")


def test_every_module_that_a_database_may_see_differently_has_a_test_on_both():
    """Its own test, or that of a module which uses it: actions write for the modules below them."""
    modules = {name_of(path): path for path in (SRC / "elonara").rglob("*.py")}
    with_rows = {path for path in (ROOT / "tests" / "unit").rglob("test_*.py") if asks_a_database(path)}
    own = {name for name, path in modules.items() if mirrored(path) in with_rows}
    own |= {name for path in with_rows for name in imports(path)} & set(modules)
    own |= {name for door in DOORS & own for name in imports(modules[door])}
    tested = own | {name for user in own & set(modules) for name in imports(modules[user])}
    differing = {
        name for name, path in modules.items() if not ELSEWHERE.match(name) and DIFFERS.search(path.read_text("utf-8"))
    }
    assert len(differing) > 40, "the words of DIFFERS are those of the code"
    assert differing - tested == set(), "write a test for them that asks for a database (fixture `db`)"
