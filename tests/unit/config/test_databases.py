from pathlib import Path

import pytest
from django.db import connection

from elonara.config.databases import database, mailer
from elonara.config.options import Database, Email

DATA = Path("/srv/elonara")


def test_sqlite_is_in_the_data_folder_by_default():
    assert database(Database(), DATA)["NAME"] == DATA / "elonara.sqlite3"
    assert database(Database("sqlite:////var/x.sqlite3"), DATA)["NAME"] == "/var/x.sqlite3"


def test_a_postgres_url_is_parsed_with_its_escapes_and_options():
    made = database(Database("postgresql://el%40n:p%2Fw@db.internal:5433/site?sslmode=require"), DATA)
    assert (made["USER"], made["PASSWORD"], made["HOST"], made["PORT"], made["NAME"]) == (
        "el@n",
        "p/w",
        "db.internal",
        "5433",
        "site",
    )
    assert made["OPTIONS"]["sslmode"] == "require"
    assert made["OPTIONS"]["pool"]["max_size"] >= 13


def test_without_smtp_email_is_neither_sent_nor_printed():
    assert mailer(Email())["BACKEND"].endswith("dummy.EmailBackend")


def test_smtp_credentials_are_sent_over_tls():
    options = mailer(Email("smtp://u:p%40@mail.example.org", "us@example.org"))["OPTIONS"]
    assert (options["port"], options["use_tls"], options["use_ssl"], options["password"]) == (587, True, False, "p@")
    options = mailer(Email("smtps://u:p@mail.example.org", "us@example.org"))["OPTIONS"]
    assert (options["port"], options["use_tls"], options["use_ssl"]) == (465, False, True)


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_postgres_compiles_no_query():
    def jit():
        with connection.cursor() as cursor:
            cursor.execute("SHOW jit")
            return cursor.fetchone()[0]

    assert jit() == "off"
    connection.close()  # the next one is another one, or the same from the pool
    assert jit() == "off"
