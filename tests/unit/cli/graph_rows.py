"""People of a stored graph, written into a database without Django, and looked for there by its search index."""

from django.db import connection
from django.utils import timezone

from elonara import folding
from elonara.bluesky.graph import search_index
from elonara.bluesky.graph.models import KnownPerson, StoredGraph


def write(execute, mark):
    """Insert a graph with Łukasz in it by `execute(sql, values)`; `mark` stands for a value in the driver's SQL."""
    now = timezone.now()
    graph = StoredGraph(pk=7, bsky_did="did:plc:host")
    person = KnownPerson(
        pk=1, graph=graph, did="did:plc:lukasz", handle="lukasz.example", display_name="Łukasz",
        text=folding.index_text("Łukasz", "lukasz.example"), sort_name="lukasz",
        rank=search_index.rank(graph.pk, search_index.MUTUAL, 1), serial=1, first_seen_at=now, seen_at=now,
    )  # fmt: skip
    for row in (graph, person):
        fields = row._meta.concrete_fields
        columns = ", ".join(f'"{field.column}"' for field in fields)
        values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
        execute(f"INSERT INTO {row._meta.db_table} ({columns}) VALUES ({', '.join([mark] * len(values))})", values)


# What a search asks of the index on each database: people whose text has "ukasz".
ON_SQLITE = (
    f"SELECT p.did FROM {search_index.FTS} f JOIN {search_index.PEOPLE} p ON p.rank = f.rowid "
    f"""WHERE f.{search_index.FTS} MATCH '"uka" AND "kas" AND "asz"'"""
)
ON_POSTGRESQL = (
    f"SELECT did FROM {search_index.PEOPLE} WHERE {search_index.FTS}(rank, text) @> {search_index.FTS}(rank, 'ukasz')"
)
