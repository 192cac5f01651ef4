"""The index that finds people by parts of words: trigrams of `KnownPerson.text`, three characters each.

Both databases keep it by themselves, for every way in which a row changes:

- SQLite: an FTS5 table with the tokenizer `trigram` (https://sqlite.org/fts5.html, section 4.3.4), whose rowid is the
  `rank` of a person, filled by triggers. A migration that makes the table of people anew has to create them again.
- PostgreSQL: a GIN index over the trigrams of each row, each hashed together with the bucket of its `rank`: 16,384
  neighbours. So a search can read a few buckets of one member alone, and it works in every locale.

Ranks of one graph are neighbours, and lower for those whom a host is likelier to mean. `graph.candidates` reads the
first page of a search in that order and ends there (docs/decisions/0012-stored-graph.md has figures).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from elonara.folding import MIN_SUBSTRING, WORD_START

GRAPH_BITS: Final = 34  # below the graph's number in a rank
CLASS_BITS: Final = 32  # below the class
SERIAL_OFFSET: Final = 2**31
BUCKET_BITS: Final = 14  # below the bucket, on PostgreSQL
MUTUAL, FOLLOWER, FOLLOWED, OTHER = range(4)  # FOLLOWED: by the member

PEOPLE: Final = "elonara_knownperson"
FTS: Final = "elonara_people_trigrams"

SQLITE_CREATE: Final = (
    f"CREATE VIRTUAL TABLE {FTS} USING fts5("
    "text, content='', tokenize='trigram case_sensitive 1', detail='none', columnsize=0)",
    f"CREATE TRIGGER {FTS}_insert AFTER INSERT ON {PEOPLE} BEGIN "
    f"INSERT INTO {FTS} (rowid, text) VALUES (new.rank, new.text); END",
    f"CREATE TRIGGER {FTS}_delete AFTER DELETE ON {PEOPLE} BEGIN "
    f"INSERT INTO {FTS} ({FTS}, rowid, text) VALUES ('delete', old.rank, old.text); END",
    f"CREATE TRIGGER {FTS}_update AFTER UPDATE OF rank, text ON {PEOPLE} "
    "WHEN old.rank <> new.rank OR old.text <> new.text BEGIN "
    f"INSERT INTO {FTS} ({FTS}, rowid, text) VALUES ('delete', old.rank, old.text); "
    f"INSERT INTO {FTS} (rowid, text) VALUES (new.rank, new.text); END",
)
SQLITE_DROP: Final = (
    *(f"DROP TRIGGER {FTS}_{name}" for name in ("insert", "delete", "update")),
    f"DROP TABLE {FTS}",
)
POSTGRESQL_CREATE: Final = (
    # Called once for each row that is written: too slow for a filter, and a plan with several processes starts slowly.
    f"""CREATE FUNCTION {FTS}(rank bigint, content text) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL UNSAFE AS $$
      SELECT array_agg(DISTINCT hashtextextended(substr(content, place, 3), rank >> {BUCKET_BITS}))
      FROM generate_series(1, length(content) - 2) AS place
    $$""",
    f"CREATE INDEX {FTS}_index ON {PEOPLE} USING gin ({FTS}(rank, text)) "
    # Else new entries wait in a list that every search has to read through, and some insert has to sort in.
    "WITH (fastupdate = off)",
)
POSTGRESQL_DROP: Final = (f"DROP INDEX {FTS}_index", f"DROP FUNCTION {FTS}(bigint, text)")


def create(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001 - as `migrations.RunPython` calls it
    """Make the index; a migration's step."""
    _execute(schema_editor, POSTGRESQL_CREATE, SQLITE_CREATE)


def drop(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    """Take `create` back."""
    _execute(schema_editor, POSTGRESQL_DROP, SQLITE_DROP)


def _execute(schema_editor: Any, postgresql: Iterable[str], sqlite: Iterable[str]) -> None:
    for statement in postgresql if schema_editor.connection.vendor == "postgresql" else sqlite:
        schema_editor.execute(statement, params=None)


def rank(graph: int, people_class: int, serial: int) -> int:
    """The `rank` of a person: lower is shown first. `serial` is between -2**31 and 2**31 - 1."""
    return graph << GRAPH_BITS | people_class << CLASS_BITS | serial + SERIAL_OFFSET


def first_rank(graph: int, people_class: int = 0) -> int:
    """The lowest rank in a class of a graph; of the class after the last one, the lowest of the next graph."""
    # A sum: the class after the last one carries into the number of the graph.
    return (graph << GRAPH_BITS) + (people_class << CLASS_BITS)


def people_class(*, follows_you: bool, you_follow: bool) -> int:
    """The class of a person."""
    if follows_you:
        return MUTUAL if you_follow else FOLLOWER
    return FOLLOWED if you_follow else OTHER


def spans(graph: int, classes: Iterable[int], *, after: int = -1) -> list[tuple[int, int]]:
    """The ranks of these classes above `after`, in order: each the first one, and the first one beyond."""
    found: list[tuple[int, int]] = []
    for one in sorted(classes):
        start, end = first_rank(graph, one), first_rank(graph, one + 1)
        if found and found[-1][1] == start:
            start = found.pop()[0]
        found.append((start, end))
    return [(max(start, after + 1), end) for start, end in found if end > after + 1]


def needles(words: Sequence[str], *, at_start: bool) -> list[str]:
    """What a text has to hold for these words: at the start of words, or (three characters and more) anywhere."""
    return [WORD_START + word if at_start or len(word) < MIN_SUBSTRING else word for word in words]


def trigrams(texts: Iterable[str]) -> list[str]:
    """The trigrams of all needles. A text that has them all may still not hold a needle."""
    return list(dict.fromkeys(text[at : at + 3] for text in texts for at in range(len(text) - 2)))
