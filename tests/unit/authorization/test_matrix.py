"""Addresses × roles, compared with `docs/authorization.md`.

A third of the addresses a day, other ones every day, because all of them take a minute. `AUTHORIZATION=all` compares
all; `AUTHORIZATION=write` writes the page anew.
"""

import datetime as dt
import os
import zlib
from pathlib import Path

import pytest
from tests.unit.authorization import matrix
from tests.unit.authorization.world import MISSING, PRIVATE, PUBLIC, ROLES, made
from tests.unit.web.conftest import *  # noqa: F403

PAGE = Path(__file__).resolve().parents[3] / "docs" / "authorization.md"
MARK = "<!-- The table is made by tests/unit/authorization; do not edit below. -->\n"
HEAD = f"| address | target | {' | '.join(ROLES)} |\n|---|---|{'---|' * len(ROLES)}\n"
WANTED = os.environ.get("AUTHORIZATION", "")
PARTS = 3


@pytest.fixture
def world(server, friends, alice, make_member):
    return made(alice, make_member)


@pytest.mark.promise("authorization-table")
def test_everybody_gets_what_the_table_says_and_nobody_learns_what_is_not_theirs(world):
    lines, told = [], []
    for method, path in matrix.addresses():
        if not is_chosen(matrix.shown(path)) or not matrix.is_taken(world, method, path):
            continue
        cells = {which: matrix.row(world, method, path, which) for which in (PUBLIC, PRIVATE)}
        for which, row in cells.items():
            outcomes = " | ".join(row[role].outcome for role in ROLES)
            lines.append(f"| `{method} {matrix.shown(path)}` | {which} | {outcomes} |")
        unknown = [role for role in ROLES if cells[PRIVATE][role].outcome == "404"]
        for role, missing in matrix.row(world, method, path, MISSING, unknown).items():
            if differences := matrix.differences(path, cells[PRIVATE][role], missing):
                told.append(f"{method} {path} tells {role}: {differences}")
    if WANTED == "write":
        PAGE.write_text(PAGE.read_text("utf-8").partition(MARK)[0] + MARK + HEAD + "\n".join(lines) + "\n", "utf-8")
    assert told == [], "\n".join(told)
    assert [line for line in table() if is_chosen(address_in(line))] == lines


def test_the_table_has_every_address():
    assert {address_in(line) for line in table()} == {matrix.shown(path) for _, path in matrix.addresses()}


def is_chosen(address):
    today = dt.datetime.now(dt.UTC).toordinal()
    return bool(WANTED) or zlib.crc32(address.encode()) % PARTS == today % PARTS


def table():
    return PAGE.read_text("utf-8").partition(MARK + HEAD)[2].splitlines()


def address_in(line):
    return line.split("`")[1].partition(" ")[2]
