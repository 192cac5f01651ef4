import os
import tarfile
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from tests.unit.cli import graph_rows
from tests.unit.cli.conftest import get

from elonara.cli import archives

pytestmark = pytest.mark.postgres_only


@pytest.fixture
def empty_database():
    """Makes empty databases on the tests' server; all are dropped again."""
    server = os.environ["ELONARA_TEST_DATABASE_URL"]
    made = []

    def make():
        name = f"cli_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        made.append(name)
        return urlsplit(server)._replace(path=f"/{name}").geturl()

    yield make
    with psycopg.connect(server, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_site_on_postgres_serves_and_its_backup_fills_another_database(elonara, served, empty_database):
    source, target = empty_database(), empty_database()
    made = elonara(
        "createadmin", "--username", "olga", "--password-stdin", stdin="correct horse\n", DATABASE__URL=source
    )
    assert made.returncode == 0, made.stderr
    address, process = served(DATABASE__URL=source)
    assert get(f"{address}/health") == (200, '{"status": "ok"}')
    with psycopg.connect(source) as connection:
        connection.execute("INSERT INTO django_session VALUES (%s, 'x', now() + interval '1 day')", ("k" * 40,))
        graph_rows.write(connection.execute, "%s")
    backup = elonara.json("backup", str(elonara.folder / "backups"), DATABASE__URL=source)
    process.terminate()
    assert process.wait(10) == 0

    new = {"DATABASE__URL": target, "DATA_DIR": str(elonara.folder / "new")}
    output = elonara.json("restore", backup["file"], "--keys", backup["keys"], **new)
    assert output["made_at"] == backup["made_at"]
    with psycopg.connect(target) as connection:
        assert connection.execute("SELECT username FROM elonara_member").fetchall() == [("olga",)]
        assert connection.execute(graph_rows.ON_POSTGRESQL).fetchall() == [("did:plc:lukasz",)]
        indexes = connection.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'elonara_knownperson'")
        assert "elonara_people_trigrams" in " ".join(text for (text,) in indexes)
        # Sessions stay behind.
        assert connection.execute("SELECT count(*) FROM django_session").fetchone() == (0,)
    with tarfile.open(backup["file"]) as archive:
        assert b"k" * 40 not in archive.extractfile("database.dump").read()
    assert elonara.json("doctor", "--offline", **new)["ok"]


def test_a_worker_runs_beside_the_site_and_ends_on_sigterm(elonara, empty_database):
    url = empty_database()
    refused = elonara("worker", DATABASE__URL=url)
    assert (refused.returncode, "elonara migrate" in refused.stderr) == (1, True)
    assert elonara("migrate", DATABASE__URL=url).returncode == 0
    process = elonara.start("worker", DATABASE__URL=url)
    assert process.stdout.readline().startswith("working on")
    process.terminate()
    _, err = process.communicate(timeout=15)
    assert process.returncode == 0, err
    assert "Traceback" not in err


def test_a_backup_connects_with_the_sites_parameters(elonara, empty_database, tmp_path):
    """A password of any characters in PGPASSWORD, and options in the address: pg_dump is given all of them."""
    url = urlsplit(empty_database())
    hidden = url._replace(netloc=url.username + "@", query=f"host={url.hostname}&port={url.port}&application_name=ours")
    settings = {"DATABASE__URL": hidden.geturl()}
    assert elonara("migrate", **settings).returncode == 0
    seen, program = tmp_path / "seen", tmp_path / "pg_dump"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$PGPASSWORD" "$PGOPTIONS" "$@" > {seen}\nexec "$REAL_PG_DUMP" "$@"\n'
    )
    program.chmod(0o755)
    before = dict(os.environ)
    os.environ |= {
        "REAL_PG_DUMP": archives.find("pg_dump"), "PATH": f"{tmp_path}:{before['PATH']}",
        "PGPASSWORD": "p/@#:' %", "PGOPTIONS": "-c statement_timeout=0",
    }  # fmt: skip
    try:
        backup = elonara.json("backup", str(elonara.folder / "backups"), **settings)
    finally:
        os.environ.clear()
        os.environ.update(before)
    password, options, target, *_ = seen.read_text().splitlines()
    assert (password, options) == ("p/@#:' %", "-c statement_timeout=0")
    assert f"host={url.hostname}" in target
    assert f"port={url.port}" in target
    assert "application_name=ours" in target
    assert Path(backup["file"]).exists()
