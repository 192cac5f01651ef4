"""Empty places for a site to move to: a data folder and a database of the kind that the tests run on."""

import os
import uuid
from urllib.parse import urlsplit

import psycopg
from django.db import connection


class Places:
    """Creates places and switches this process to one. `close()` switches back and drops the databases."""

    def __init__(self, folder):
        self._folder, self._made = folder, []
        self._home = connection.settings_dict["NAME"]

    def empty(self):
        """The settings of a new, empty place."""
        name = f"elsewhere_{uuid.uuid4().hex[:12]}"
        self._made.append(name)
        data = self._folder / name
        if connection.vendor == "sqlite":
            return {"ELONARA_DATA_DIR": str(data), "ELONARA_DATABASE__URL": f"sqlite:///{data / 'elonara.sqlite3'}"}
        self._on_the_server(f"CREATE DATABASE {name}")
        url = urlsplit(os.environ["ELONARA_TEST_DATABASE_URL"])._replace(path=f"/{name}").geturl()
        return {"ELONARA_DATA_DIR": str(data), "ELONARA_DATABASE__URL": url}

    def enter(self, place):
        """Use the database of this place in this process from now on."""
        url = place["ELONARA_DATABASE__URL"]
        self._connect(url.removeprefix("sqlite:///") if connection.vendor == "sqlite" else urlsplit(url).path[1:])

    def close(self):
        """Use the test's own database again, and drop the others."""
        self._connect(self._home)
        if connection.vendor == "postgresql":
            for name in self._made:
                self._on_the_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @staticmethod
    def _connect(name):
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()
        connection.settings_dict["NAME"] = name

    @staticmethod
    def _on_the_server(statement):
        with psycopg.connect(os.environ["ELONARA_TEST_DATABASE_URL"], autocommit=True) as server:
            server.execute(statement)
