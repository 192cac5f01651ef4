"""What people read sounds like plain modern English: docs/words.md names the phrases that no page or message uses."""

import ast
import html
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "elonara"
PAGE = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
TABLE = PAGE.split("## Not this, but this\n")[1].split("\n## ")[0]
OLD = [
    phrase.strip()
    for line in TABLE.splitlines()[2:]
    if line.startswith("|")
    for phrase in line.split("|")[1].split(";")
]
# Log lines, protocol errors and the command line speak to operators and programs, in their own terms.
NOT_READ_BY_PEOPLE = ("atproto", "cli", "config", "engines", "migrations")


def pattern(phrase):
    """The phrase as a pattern: "is going (after a number)" is one that follows a number."""
    words = re.sub(r"\s*\(.*\)", "", phrase)
    number = r"(?:\b1|\}\}) " if "(after a number)" in phrase else r"\b"
    return re.compile(number + re.escape(words) + r"(?:\b|(?<=\W))", re.IGNORECASE)


def of_template(text):
    """What a template shows: without comments, names in tags and attributes that nobody reads."""
    text = re.sub(r"\{#.*?#\}|\{% comment.*?endcomment %\}", "", text, flags=re.DOTALL)
    shown = re.findall(r'\b(?:aria-label|title|placeholder|alt|label|help)="([^"]*)"', text)
    rest = re.sub(r"\{%.*?%\}|<[^<>]*>", " ", text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(" \n ".join([rest, *shown]))).replace("' ", "’ ")


def of_module(text):
    """The sentences of a module: its strings, without docstrings and without keys, names and addresses."""
    tree = ast.parse(text)
    silent = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in joined for part in node.values}
    strings = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values) for node in joined
    ]
    strings += [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in silent | parts
    ]
    return "\n".join(string for string in strings if " " in string)


def spoken():
    for path in sorted(PACKAGE.rglob("*")):
        where = path.relative_to(PACKAGE)
        if path.suffix in {".html", ".txt"}:
            yield str(where), of_template(path.read_text(encoding="utf-8"))
        elif path.suffix == ".py" and where.parts[0] not in NOT_READ_BY_PEOPLE:
            yield str(where), of_module(path.read_text(encoding="utf-8"))


SPOKEN = dict(spoken())


def test_the_table_is_read():
    assert len(OLD) > 40
    assert len(SPOKEN) > 300


@pytest.mark.parametrize("phrase", OLD)
def test_no_page_and_no_message_says(phrase):
    found = [where for where, text in SPOKEN.items() if pattern(phrase).search(text)]

    assert found == [], f"docs/words.md says what to write instead of “{phrase}”"


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ('<p class="x">It stands\n  here.</p>', "stands here"),
        ("<h2>{{ n }} is going</h2>", "is going (after a number)"),
        ('{% field form.name label="Seen by" %}', "Seen by"),
    ],
)
def test_a_template_that_says_it_is_found(text, phrase):
    assert pattern(phrase).search(of_template(text))


def test_a_sentence_in_the_code_is_found():
    module = '"""By itself."""\nname = f"{x} goes on by "  f"itself"\nkey = "by_itself"'

    assert pattern("by itself").search(of_module(module))
    assert not pattern("Seen by").search(of_module(module))
