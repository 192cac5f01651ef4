"""How the database goes about the statements of a call, and whether it reads a large table from end to end."""

import contextlib

from django.db import connection, transaction

# What grows with every invitation. Of hosts, events and drafts there are a hundredth of that; every row in the queue of
# e-mails is work, and is deleted once it is done. Of people in stored graphs there are more than of anything else.
LARGE = {
    f"elonara_{name}"
    for name in (
        "invitation", "announcement", "correction", "batch", "emailinvitation", "answer", "membership", "notice",
        "actorview", "pastinvitation", "authorizationrequest", "dpopnonce", "optout", "report",
        "sendingaccount", "sendingaccountholder", "sendingaccountkey", "accountlane", "auditentry", "knownperson",
        "knownlistmember",
    )
} | {"django_session"}  # fmt: skip
# An index of those answers alone that wait for a place: whoever fills places reads all of it.
SMALL = {"answers_that_wait"}
# What the raw statements about people call a row of theirs.
PERSON = "p"


def explained(call, avoid=()):
    """Each statement of a call with its plan. `avoid`: what PostgreSQL does only where it cannot do otherwise."""
    seen = []

    def note(execute, sql, params, many, context):
        if sql.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            seen.append((sql, tuple((params[0] if many else params) or ())))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        call()
    once = {(sql, repr(params)): params for sql, params in seen}
    return [(f"{sql} {params}", plan_of(sql, params, avoid)) for (sql, _), params in once.items()]


def plan_of(sql, params, avoid):
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            return [line[-1] for line in cursor.fetchall()]
    with contextlib.ExitStack() as stack:
        stack.enter_context(transaction.atomic())
        cursor = stack.enter_context(connection.cursor())
        for what in ("seqscan", "hashjoin", "mergejoin", *avoid):
            cursor.execute(f"SET LOCAL enable_{what} = off")
        # As if a page of each table held a hundred thousand rows: for the few that there are any plan is as good.
        cursor.execute("UPDATE pg_class SET reltuples = 100000, relpages = 1 WHERE relname = ANY(%s)", [sorted(LARGE)])
        stack.callback(transaction.set_rollback, rollback=True)
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
        return cursor.fetchone()[0][0]["Plan"]


def scans_of(plan, *, counting):
    """The lines or nodes of a plan that read a large table, or an index of it, from end to end."""
    if connection.vendor == "sqlite":
        return [line for line in plan if is_scan(line, counting=counting)]
    nodes, found = [plan], []
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        kind, table = node["Node Type"], node.get("Relation Name", "")
        if table not in LARGE:
            continue
        whole_index = kind in {"Index Scan", "Index Only Scan"} and "Index Cond" not in node
        whole_index = whole_index and node["Index Name"] not in SMALL
        if kind == "Seq Scan" or (whole_index and not (counting and kind == "Index Only Scan")):
            found.append(f"{kind} of {table} {node.get('Index Name', '')} {node.get('Filter', '')}")
    return found


def is_scan(line, *, counting):
    words = line.split()
    if "AUTOMATIC" in words:
        return True  # an index made for this one statement, by a scan
    if words[0] != "SCAN" or words[1] not in LARGE | {PERSON} or words[-1] in SMALL:
        return False
    return not (counting and "COVERING" in words)
